"""Responses to one prompt form a group; groups of one size are stacked so that one batched call serves them all."""

from collections.abc import Hashable, Sequence

import torch
from torch import Tensor


def rows_by_size(labels: Sequence[Hashable]) -> list[Tensor]:
    """Row numbers of every group, stacked by group size: one `(groups, k)` index tensor for each size k that occurs."""
    members: dict[Hashable, list[int]] = {}
    for row, label in enumerate(labels):
        members.setdefault(label, []).append(row)
    by_size: dict[int, list[list[int]]] = {}
    for rows in members.values():
        by_size.setdefault(len(rows), []).append(rows)
    return [torch.tensor(groups) for groups in by_size.values()]
