"""Pairs of solutions of one problem, drawn from responses as `dqo-verl sample` writes them."""

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
    """At most `per_prompt` pairs of different texts for each prompt, right and wrong solutions alike, in a random order.

    Traces of several models meet where their files name the same prompt. Blank ones are passed over.
    """
    problems = Problems()
    texts: dict[str, dict[str, None]] = {}
    for group in read_groups(files, problems, pool=True):
        texts.setdefault(group.prompt, {}).update((text, None) for text in group.responses if text.strip())
    problems.settle()
    found = []
    for prompt, own in texts.items():
        # The same pairs are drawn whatever other prompts there are.
        rng = random.Random(f"{seed} {prompt}")
        pairs = list(combinations(own, 2))
        for pair in rng.sample(pairs, min(per_prompt, len(pairs))):
            found.append(Traces(prompt, *rng.sample(pair, 2)))
    if not found:
        raise UserError(f"{', '.join(map(str, files))}: no prompt has two different solutions")
    return found
