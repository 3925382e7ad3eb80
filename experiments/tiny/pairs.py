"""A small generated set of labelled pairs: two worked sums of the tiny profile, similar if they use the same wording.

    python -m experiments.tiny.pairs DIR        DIR/train.jsonl (300 pairs) and DIR/val.jsonl (60)

They show that training a classifier works, and say nothing about human judgement.
"""

import json
import random
import sys
from pathlib import Path
from typing import Any

from experiments.tiny.policy import SEED, problems, question, wordings

SIZES = {"train": 300, "val": 60}
WORDINGS = 5


def pairs(rng: random.Random, number: int) -> list[dict[str, Any]]:
    """Pairs with the same wording or not, and with the same total or not, as in `experiments.tiny.judges`."""
    found = []
    for problem in problems(rng, number):
        total, similar, first = problem[2] + problem[3], rng.randrange(2), rng.randrange(WORDINGS)
        second = first if similar else (first + rng.randrange(1, WORDINGS)) % WORDINGS
        a, b = wordings(*problem, total)[first], wordings(*problem, total + rng.choice((-1, 0, 0, 0, 1)))[second]
        found.append({"prompt": question(*problem), "generation_0": a, "generation_1": b, "similar": similar})
    return found


def build(directory: Path) -> None:
    """Write both files, unless they exist."""
    directory.mkdir(parents=True, exist_ok=True)
    rng = random.Random(SEED)
    seen = set[str]()
    for split, size in SIZES.items():
        own = [pair for pair in pairs(rng, 2 * size) if pair["prompt"] not in seen][:size]
        seen |= {pair["prompt"] for pair in own}
        file = directory / f"{split}.jsonl"
        if not file.exists():
            file.write_text("".join(json.dumps(pair) + "\n" for pair in own))


if __name__ == "__main__":
    build(Path(sys.argv[1]))
