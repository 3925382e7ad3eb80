"""Creates a tiny policy and a data set in GSM8K's format: recipes train them on machines without a GPU.

    python -m experiments.tiny.policy DIR [REMARKS]     about a minute on two cores; a finished DIR is kept

The policy (Qwen2 architecture, 0.5 million parameters) is supervised on worked additions in several wordings, a fifth of
them wrong. So it starts imperfect and varied: reward can rise, and diversity can fall. With the probability REMARKS it adds a
remark after the answer, then with the same probability another one, and so on.
"""

import random
import sys
from pathlib import Path
from typing import Any

from dqo_verl.lab.model import Example, byte_tokenizer, new_policy
from experiments.tiny.model import supervise, write_data

NAMES, THINGS = ("Tom", "Ann", "Raj", "Mia", "Leo", "Zoe"), ("apples", "pens", "books", "coins", "cards")
# The instruction of verl's GSM8K data.
INSTRUCTION = 'Let\'s think step by step and output the final answer after "####".'
# The name, the thing, and the two numbers to add.
Problem = tuple[str, str, int, int]
SEED, WRONG, STEPS, BATCH = 0, 0.2, 500, 32


def question(name: str, thing: str, a: int, b: int) -> str:
    return f"{name} has {a} {thing} and buys {b} more. How many are there now?"


def wordings(name: str, thing: str, a: int, b: int, total: int) -> tuple[str, ...]:
    """All wordings of the worked sum, always in the same order."""
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


def problems(rng: random.Random, n: int) -> list[Problem]:
    return [(rng.choice(NAMES), rng.choice(THINGS), rng.randint(2, 20), rng.randint(2, 20)) for _ in range(n)]


def build_tokenizer(rng: random.Random) -> Any:
    corpus = [question(*p) + "\n" + answer(rng, *p) for p in problems(rng, 500)]
    corpus += [INSTRUCTION, "system\nuser\nassistant\nYou are a helpful assistant."]
    return byte_tokenizer(corpus, vocab_size=420)


def asked(problem: Problem) -> str:
    return f"{question(*problem)} {INSTRUCTION}"


def build(directory: Path, steps: int = STEPS, remarks: float = 0.0) -> None:
    if (directory / "complete").exists():
        return
    directory.mkdir(parents=True, exist_ok=True)
    rng = random.Random(SEED)
    tokenizer = build_tokenizer(rng)
    tokenizer.save_pretrained(directory / "policy")
    for split, size in (("train", 256), ("test", 32)):
        truths = [(asked(problem), str(problem[2] + problem[3])) for problem in problems(rng, size)]
        write_data(directory / f"{split}.parquet", "tiny_sums", truths)

    def batch() -> list[Example]:
        return [(asked(problem), answer(rng, *problem, remarks)) for problem in problems(rng, BATCH)]

    supervise(new_policy(tokenizer, SEED), tokenizer, batch, steps).save_pretrained(directory / "policy")
    (directory / "complete").touch()


if __name__ == "__main__":
    build(Path(sys.argv[1]), remarks=float(sys.argv[2]) if len(sys.argv) > 2 else 0.0)
