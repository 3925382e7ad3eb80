"""Simulates how errors on pairs affect the partition of a whole group, with the decisions on human-labelled pairs.

Humans labelled pairs, not groups, so no whole group has a true partition. A simulated group has one: `size` responses, each
with one of `ideas` equally likely ideas (or all different). Two responses with the same idea get the decision on a random
labelled similar pair, two with different ideas the decision on a random labelled different pair. The draws are independent,
but real errors are not: a bland response is mistaken for many others at once. Two rules turn the decisions into a partition:
single linkage (DARLING, connected components) and first member (NoveltyBench, greedy).

exact            share of groups whose partition is correct
classes          mean number of classes found (true: how many there are)
merged pairs     share of pairs of different ideas that end in one class
split pairs      share of pairs of one idea that end in two classes
reward error     mean |v_i - true v_i| of DARLING's factor v_i = (n - |class of i|) / (n - 1)
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dqo_verl.core.classes import classes, first_member

GROUPS, SEED = 2000, 0
# None stands for as many ideas as responses.
IDEAS = (3, None)


def single_linkage(same: list[list[bool]]) -> list[int]:
    found: list[int] = classes(torch.tensor(same)).tolist()
    return found


RULES: dict[str, Callable[[list[list[bool]]], list[int]]] = {
    "single linkage": single_linkage,
    "first member": first_member,
}


def simulate(same: NDArray[np.bool_], labels: NDArray[np.int_], size: int, ideas: int | None) -> dict[str, Any]:
    """Simulate groups from the decisions `same` on labelled pairs; the result has the quantities above for each rule."""
    generator = np.random.default_rng(SEED)
    of_kind = {True: same[labels == 1], False: same[labels == 0]}
    totals = {rule: np.zeros(5) for rule in RULES}
    true_classes = pairs_apart = pairs_together = 0
    for _ in range(GROUPS):
        truth = np.arange(size) if ideas is None else generator.integers(ideas, size=size)
        together = truth[:, None] == truth[None, :]
        upper = np.triu(np.ones((size, size), dtype=bool), 1)
        said = np.where(
            together, generator.choice(of_kind[True], (size, size)), generator.choice(of_kind[False], (size, size))
        )
        decided = (said & upper) | (said & upper).T
        true_classes += len(set(truth.tolist()))
        pairs_apart += int((~together & upper).sum())
        pairs_together += int((together & upper).sum())
        for rule, partition in RULES.items():
            label = np.array(partition(decided.tolist()))
            found = label[:, None] == label[None, :]
            worth, true_worth = ((size - m.sum(1)) / (size - 1) for m in (found, together))
            totals[rule] += (
                bool((found == together).all()),
                len(set(label.tolist())),
                int((found & ~together & upper).sum()),
                int((~found & together & upper).sum()),
                float(np.abs(worth - true_worth).mean()),
            )
    per = np.array([GROUPS, GROUPS, max(1, pairs_apart), max(1, pairs_together), GROUPS])
    names = ("exact", "classes", "merged_pairs", "split_pairs", "reward_error")
    found_by = {rule: dict(zip(names, (total / per).tolist(), strict=True)) for rule, total in totals.items()}
    return {"size": size, "ideas": ideas, "true_classes": true_classes / GROUPS, "rules": found_by}


def partitions(same: NDArray[np.bool_], labels: NDArray[np.int_], size: int) -> list[dict[str, Any]]:
    return [simulate(same, labels, size, ideas) for ideas in IDEAS]
