"""Objective of a set (Poly-EPO, arXiv 2604.17654; Set RL, arXiv 2509.25424): rewards responses whose sets are good and diverse.

    f(S) = mean of the rewards in S x share of S that is distinct,   S a set of m responses of a group
    c_i = mean of f over the sets with i

A base that subtracts the group's mean then gives the mean of f over the sets with i, minus the mean over all sets. The share is
classes of S / m. The score already contains the reward, hence combine=only. Up to 12,870 sets (8 of 16), all are used. If there
are more, 4,096 are drawn, the same for all groups: the standard error of c_i is then the spread of f over the square root of
4,096 m / k. A group of m or fewer responses uses sets of one response fewer than it has.
"""

import itertools
import math
from functools import lru_cache

import torch
from pydantic import Field
from torch import Tensor

from dqo_verl.core.features import Groups
from dqo_verl.core.measures.base import Measure

MOST, DRAWN = math.comb(16, 8), 4096


@lru_cache(maxsize=16)
def sets_of(k: int, m: int) -> Tensor:
    """`(s, m)`: the members of each set."""
    if math.comb(k, m) <= MOST:
        return torch.tensor(list(itertools.combinations(range(k), m)))
    scores = torch.rand(DRAWN, k, generator=torch.Generator().manual_seed(k * 1000 + m))
    return scores.topk(m, dim=-1).indices


class SetLevel(Measure):
    """Quality and diversity of the sets that a response is in."""

    name = "set_level"
    phrase = "quality x diversity of its sets"
    reads = "classes"
    combine = "only"

    set_size: int = Field(4, ge=2)
    """Responses in a set."""

    def __call__(self, groups: Groups) -> Tensor:
        k = groups.rows.shape[-1]
        sets = sets_of(k, max(1, min(self.set_size, k - 1)))
        quality = groups.quality.double()[:, sets].mean(dim=-1)
        # the first of each class within a set
        same = groups.same[:, sets.unsqueeze(-1), sets.unsqueeze(-2)]
        is_first = ~torch.tril(same, diagonal=-1).any(dim=-1)
        worth = quality * is_first.double().mean(dim=-1)
        member = torch.zeros(len(sets), k, dtype=torch.float64).scatter(-1, sets, 1.0)
        return worth @ member / member.sum(dim=0).clamp(min=1)
