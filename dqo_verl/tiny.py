"""A tiny policy and a GSM8K-shaped data set, made on the spot: what the recipes train where there is no GPU.

    python -m dqo_verl.tiny DIR [REMARKS]     about a minute on two cores; a finished DIR is left as it is

The policy (Qwen2 architecture, 0.5 million parameters) is supervised on worked additions in several wordings, a fifth of
them wrong, so that it starts imperfect and varied: reward can rise, and diversity can fall. With REMARKS, a probability, it
goes on after the answer with a remark about somebody, then with another one, and so on.
"""

import random
import sys
from pathlib import Path
from typing import Any

NAMES, THINGS = ("Tom", "Ann", "Raj", "Mia", "Leo", "Zoe"), ("apples", "pens", "books", "coins", "cards")
INSTRUCTION = 'Let\'s think step by step and output the final answer after "####".'  # as verl's GSM8K data has it
CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
SEED, WRONG, STEPS, BATCH = 0, 0.2, 500, 32


def question(name: str, thing: str, a: int, b: int) -> str:
    return f"{name} has {a} {thing} and buys {b} more. How many are there now?"


def wordings(name: str, thing: str, a: int, b: int, total: int) -> tuple[str, ...]:
    """All ways to say it, in one order."""
    steps = (
        f"{a} + {b} = <<{a}+{b}={total}>>{total}",
        f"{name} starts with {a} and adds {b}: {a} + {b} = {total} {thing}.",
        f"Count on from {b}: {b} + {a} = {total}.",
        f"There are {a} {thing} first. Then {b} more come, so {total} in all.",
        f"Adding {b} to {a} gives {total} {thing}.",
    )
    return tuple(f"{step}\n#### {total}" for step in steps)


def wrong_by(rng: random.Random) -> int:
    return rng.choice((-2, -1, 1, 2))


def answer(rng: random.Random, name: str, thing: str, a: int, b: int, remarks: float = 0.0) -> str:
    total = a + b + (wrong_by(rng) if rng.random() < WRONG else 0)
    text = rng.choice(wordings(name, thing, a, b, total))
    while remarks and rng.random() < remarks:
        text += f" {rng.choice(NAMES)} has {rng.randint(2, 20)} {rng.choice(THINGS)}."
    return text


def problems(rng: random.Random, n: int) -> list[tuple[str, str, int, int]]:
    return [(rng.choice(NAMES), rng.choice(THINGS), rng.randint(2, 20), rng.randint(2, 20)) for _ in range(n)]


def build_tokenizer(rng: random.Random) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    corpus = [question(*p) + "\n" + answer(rng, *p) for p in problems(rng, 500)]
    corpus += [INSTRUCTION, "system\nuser\nassistant\nYou are a helpful assistant."]
    tokenizer = Tokenizer(models.BPE())
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), byte_level])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=420,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        chat_template=CHATML,
        model_max_length=512,
    )


def build_policy(tokenizer: Any, rng: random.Random, steps: int, remarks: float = 0.0) -> Any:
    """Supervise the policy on fresh problems, one pass."""
    import torch
    from tqdm import trange
    from transformers import Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(SEED)
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=256,
        num_hidden_layers=3,
        num_attention_heads=4,  # vLLM's CPU attention wants a head size of at least 32
        num_key_value_heads=2,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        dtype="float32",
    )
    model = Qwen2ForCausalLM(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
    for _ in (bar := trange(steps, desc="tiny policy", leave=False, disable=None)):
        rows, starts = [], []
        for problem in problems(rng, BATCH):
            message = [{"role": "user", "content": f"{question(*problem)} {INSTRUCTION}"}]
            prompt = tokenizer.apply_chat_template(message, add_generation_prompt=True, tokenize=False)
            starts.append(len(tokenizer(prompt)["input_ids"]))
            rows.append(tokenizer(prompt + answer(rng, *problem, remarks) + tokenizer.eos_token)["input_ids"])
        length = torch.tensor([len(row) for row in rows])
        ids = torch.full((BATCH, int(length.max())), tokenizer.pad_token_id)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = torch.tensor(row)
        position = torch.arange(ids.shape[1])
        in_answer = (position >= torch.tensor(starts)[:, None]) & (position < length[:, None])
        mask = (position < length[:, None]).long()
        loss = model(input_ids=ids, attention_mask=mask, labels=ids.masked_fill(~in_answer, -100)).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        bar.set_postfix(loss=f"{loss.item():.2f}")
    return model


def write_data(path: Path, rng: random.Random, n: int, split: str) -> None:
    """Parquet with the columns of `dqo-verl prepare gsm8k`."""
    import pandas as pd

    def row(index: int, problem: tuple[str, str, int, int]) -> dict[str, Any]:
        prompt = [{"role": "user", "content": f"{question(*problem)} {INSTRUCTION}"}]
        return {
            "data_source": "openai/gsm8k",
            "prompt": prompt,
            "ability": "math",
            "reward_model": {"style": "rule", "ground_truth": str(problem[2] + problem[3])},
            "extra_info": {"split": split, "index": index, "prompt": prompt},
        }

    pd.DataFrame(row(*numbered) for numbered in enumerate(problems(rng, n))).to_parquet(path)


def build(directory: Path, steps: int = STEPS, remarks: float = 0.0) -> None:
    if (directory / "complete").exists():
        return
    directory.mkdir(parents=True, exist_ok=True)
    rng = random.Random(SEED)
    tokenizer = build_tokenizer(rng)
    tokenizer.save_pretrained(directory / "policy")
    write_data(directory / "train.parquet", rng, 256, "train")
    write_data(directory / "test.parquet", rng, 32, "test")
    build_policy(tokenizer, rng, steps, remarks).save_pretrained(directory / "policy")
    (directory / "complete").touch()


if __name__ == "__main__":
    build(Path(sys.argv[1]), remarks=float(sys.argv[2]) if len(sys.argv) > 2 else 0.0)
