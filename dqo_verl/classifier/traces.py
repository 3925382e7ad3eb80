"""Draws pairs of solutions to the same problem from responses in the format of `dqo-verl sample`."""

import random
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

from dqo_verl.errors import UserError
from dqo_verl.evaluation.bad_data import Problems
from dqo_verl.evaluation.rows import read_groups


class Traces(NamedTuple):
    prompt: str
    a: str
    b: str


def draw_pairs(files: Sequence[Path], per_prompt: int, seed: int) -> list[Traces]:
    """At most `per_prompt` pairs of different texts for each prompt, of correct and wrong solutions, in random order.

    Solutions of several models can form a pair if their files have the same prompt. Blank solutions are skipped.
    """
    problems = Problems(remedy="Repair them, or remove them from the file.")
    texts: dict[str, dict[str, None]] = {}
    for group in read_groups(files, problems, pool=True):
        texts.setdefault(group.prompt, {}).update((text, None) for text in group.responses if text.strip())
    problems.settle()
    found = []
    for prompt, own in texts.items():
        # The pairs of a prompt do not depend on the other prompts.
        rng = random.Random(f"{seed} {prompt}")
        pairs = list(combinations(own, 2))
        for pair in rng.sample(pairs, min(per_prompt, len(pairs))):
            found.append(Traces(prompt, *rng.sample(pair, 2)))
    if not found:
        raise UserError(f"{', '.join(map(str, files))}: no prompt has two different solutions")
    return found
