"""Policy, data and embedder of a task and seed.

    python -m dqo_verl.demo.assets TASK SEED DIR        a minute or two on two cores; a finished DIR is left as it is

The seed decides the policy's first weights, its lessons, and which prompts are held out. The policy learns all prompts from
the noisy teacher; reinforcement learning then sees the training prompts only.
"""

import random
import sys
from importlib import import_module
from pathlib import Path

from dqo_verl.tiny_model import Example, byte_tokenizer, new_policy, supervise, write_data

BATCH, TRAIN = 128, 64  # 64 prompts to train on, the other 32 are held out
BARE = "{% for m in messages %}{{ m['content'] }}{% endfor %}{% if add_generation_prompt %}{{ '\n' }}{% endif %}"


def build(task_name: str, seed: int, directory: Path) -> None:
    if (directory / "complete").exists():
        return
    task = import_module(f"dqo_verl.demo.{task_name}")
    directory.mkdir(parents=True, exist_ok=True)
    rng = random.Random(seed)
    problems = task.problems()

    def batch() -> list[Example]:
        return [(asked, task.answer(rng, truth)) for asked, truth in rng.choices(problems, k=BATCH)]

    corpus = [text for _ in range(20) for example in batch() for text in example]
    tokenizer = byte_tokenizer(corpus, vocab_size=1000, chat_template=BARE)
    policy = supervise(new_policy(tokenizer, seed), tokenizer, batch, task.LESSONS)
    rng.shuffle(problems)
    write_data(directory / "train.parquet", task_name, problems[:TRAIN])
    write_data(directory / "test.parquet", task_name, problems[TRAIN:])
    tokenizer.save_pretrained(directory / "policy")
    policy.save_pretrained(directory / "policy")
    task.save_embedder(directory / "embedder")
    (directory / "complete").touch()


if __name__ == "__main__":
    build(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
