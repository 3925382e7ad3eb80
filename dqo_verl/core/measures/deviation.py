"""Deviation weight of diversified DPO (arXiv 2503.17126, creative writing): rare responses count more, common ones less."""

import torch
from torch import Tensor

from dqo_verl.core.features import Groups
from dqo_verl.core.kernels import linear_kernel
from dqo_verl.core.measures.base import Measure
from dqo_verl.core.measures.pairwise import mean_pairwise_distance

# Distances that differ by less than this differ by rounding only.
SAME = 1e-6


def deviation_weight(similarity: Tensor) -> Tensor:
    """`w_i = u_i / mean(u)`, `u_i = (D_i - min D) / (max D - min D)`, `(..., k, k)` -> `(..., k)`.

    D is the mean distance to the others. The most common response of a group gets 0, and the weights of a group sum to k,
    whatever its diversity. All weights are 1 if all D are equal: in groups of one and two, or of equal responses.

    The paper weights the DPO loss of a pair by its preferred response; using the weight as a factor of rewards is our choice.
    The formula is that of the authors' code. Their code takes the geometric mean of two such u, from a semantic and from a
    style embedding, and the distance from a custom model class that we did not have; we use one embedding and the cosine
    distance.
    """
    distance = mean_pairwise_distance(similarity.double())
    low, high = distance.amin(dim=-1, keepdim=True), distance.amax(dim=-1, keepdim=True)
    share = torch.where(high - low > SAME, distance - low, torch.ones_like(distance))
    return (share / share.mean(dim=-1, keepdim=True)).to(similarity.dtype)


class Deviation(Measure):
    """`deviation_weight` of the cosine distances."""

    name = "deviation"
    phrase = "deviation weight"
    reads = "embeddings"
    combine = "multiply"
    symmetric = True

    def __call__(self, groups: Groups) -> Tensor:
        return deviation_weight(linear_kernel(groups.embeddings))
