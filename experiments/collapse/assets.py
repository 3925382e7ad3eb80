"""Creates policy, data and embedder of a task and seed.

    python -m experiments.collapse.assets TASK SEED DIR        one to three minutes on two cores; a finished DIR is kept

The seed decides the policy's initial weights, its lessons, and which prompts are held out. A noisy teacher teaches all prompts.
The lessons are repeated while less than half of the policy's answers are right (one seed in five needs that). Reinforcement
learning then uses the training prompts only.
"""

import random
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from dqo_verl.lab.model import Example, byte_tokenizer, new_policy
from dqo_verl.lab.policies import BARE, BATCH, ENOUGH, TIMES, TRAIN
from experiments.tiny.model import supervise, write_data


def right_share(
    policy: Any, tokenizer: Any, problems: Sequence[Example], is_right: Callable[[str, str], bool]
) -> float:
    """The share of right answers among ten samples for each problem."""
    import torch

    right = 0
    for asked, truth in problems:
        message = [{"role": "user", "content": asked}]
        prompt = tokenizer.apply_chat_template(
            message, add_generation_prompt=True, return_tensors="pt", return_dict=True
        )
        with torch.inference_mode():
            rows = policy.generate(**prompt, do_sample=True, top_k=0, max_new_tokens=24, num_return_sequences=10)
        texts = tokenizer.batch_decode(rows[:, prompt["input_ids"].shape[1] :], skip_special_tokens=True)
        right += sum(is_right(text.strip(), truth) for text in texts)
    return right / (10 * len(problems))


def build(task_name: str, seed: int, directory: Path) -> None:
    if (directory / "complete").exists():
        return
    task = import_module(f"experiments.collapse.{task_name}")
    directory.mkdir(parents=True, exist_ok=True)
    rng = random.Random(seed)
    problems = task.problems()

    def batch() -> list[Example]:
        return [(asked, task.answer(rng, truth)) for asked, truth in rng.choices(problems, k=BATCH)]

    corpus = [text for _ in range(20) for example in batch() for text in example]
    tokenizer = byte_tokenizer(corpus, vocab_size=1000, chat_template=BARE)
    policy = new_policy(tokenizer, seed)
    for _ in range(TIMES):
        policy = supervise(policy, tokenizer, batch, task.LESSONS)
        if right_share(policy, tokenizer, problems, task.is_right) >= ENOUGH:
            break
    else:
        raise RuntimeError(
            f"{task_name}, seed {seed}: less than half of the answers are right after {TIMES} x {task.LESSONS} batches"
        )
    rng.shuffle(problems)
    write_data(directory / "train.parquet", task_name, problems[:TRAIN])
    write_data(directory / "test.parquet", task_name, problems[TRAIN:])
    tokenizer.save_pretrained(directory / "policy")
    policy.save_pretrained(directory / "policy")
    task.save_embedder(directory / "embedder")
    (directory / "complete").touch()


if __name__ == "__main__":
    build(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
