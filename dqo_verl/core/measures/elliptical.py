"""Elliptical bonus (RepExp, ICLR 2026, openreview S4PCF1YxoR): how far a response is from what the others span.

    left out:  b_i = e_i' (I + sum_{j != i} e_j e_j')^{-1} e_i = exp(d_i) - 1
    leverage:  b_i = e_i' (I + sum_j e_j e_j')^{-1} e_i        = 1 - exp(-d_i)

where d_i is DQO's leave-one-out gain (by the matrix determinant lemma): both rank a group as DQO does, on another scale. For
unit-norm embeddings the first lies in [1/k, 1], the second in [1/(k+1), 1/2]: at the lower end if all k are identical, at the
upper end if all are orthogonal. A zero row gives 0, a group of one the upper end. RepExp's embeddings are the policy's hidden
states; here they come from the run's embedder.
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
    """Compare a response with what the others span (`left_out`), or with what all of them span (`leverage`)."""

    def __call__(self, groups: Groups) -> Tensor:
        gain = loo_logdet(linear_kernel(groups.embeddings))
        return torch.expm1(gain) if self.form == "left_out" else -torch.expm1(-gain)
