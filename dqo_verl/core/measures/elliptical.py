"""Elliptical bonus (RepExp, ICLR 2026, openreview S4PCF1YxoR): how far a response is from what the others span.

    left out:  b_i = e_i' (I + sum_{j != i} e_j e_j')^{-1} e_i = exp(d_i) - 1
    leverage:  b_i = e_i' (I + sum_j e_j e_j')^{-1} e_i        = 1 - exp(-d_i)

with d_i DQO's leave-one-out gain (the matrix determinant lemma): the same ranking of a group, on another scale. For unit-norm
embeddings the first lies in [1/k, 1], the second in [1/(k+1), 1/2]: the lower end if all k are identical, the upper one
if all are orthogonal. A zero row gives 0, a group of one the upper end. RepExp embeds by the policy's hidden states; here it is
the run's embedder.
"""

from typing import Literal

import torch
from torch import Tensor

from dqo_verl.core.features import Groups
from dqo_verl.core.kernels import linear_kernel
from dqo_verl.core.measures.base import Measure
from dqo_verl.core.measures.dpp import loo_logdet


class Elliptical(Measure):
    """Distance to the ellipsoid that the others of the group span."""

    name = "elliptical"
    phrase = "elliptical bonus"
    reads = "embeddings"
    symmetric = True

    form: Literal["left_out", "leverage"] = "left_out"
    """`left_out`: what the others span. `leverage`: what all of them span."""

    def __call__(self, groups: Groups) -> Tensor:
        gain = loo_logdet(linear_kernel(groups.embeddings))
        return torch.expm1(gain) if self.form == "left_out" else -torch.expm1(-gain)
