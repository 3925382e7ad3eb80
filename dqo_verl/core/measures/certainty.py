"""SEED-GRPO (arXiv 2505.12346): a prompt on which the answers disagree counts less.

    w = 1 - H / log k,   H = - sum over classes of p log p,   p the class's share of the k responses of the group

The advantage becomes A_i w^alpha. All responses of a group have the same w: 1 if all say the same, 0 if no two do, and 1 in a
group of one. It rewards agreement instead of diversity, unlike the other measures, and serves as a comparison.
"""

import math

import torch
from torch import Tensor

from dqo_verl.core.features import Groups
from dqo_verl.core.measures.base import Measure


class Certainty(Measure):
    """How far the answers of a group agree."""

    name = "certainty"
    phrase = "agreement of its group"
    reads = "classes"
    combine = "weigh"
    symmetric = True

    def __call__(self, groups: Groups) -> Tensor:
        k = groups.rows.shape[-1]
        if k == 1:
            return torch.ones(groups.rows.shape, dtype=torch.float64)
        # each of the k responses contributes 1/k to the sum over classes
        entropy = -(groups.same.sum(dim=-1).double() / k).log().mean(dim=-1, keepdim=True)
        return (1 - entropy / math.log(k)).clamp(min=0).expand(groups.rows.shape)
