"""EVOL-RL's novelty (arXiv 2509.15194): how unlike the others a response is on average, and how unlike the nearest.

    u_i = 1 - (w mean_j s_ij + (1 - w) max_j s_ij),   j != i,   s the cosine

If no cosine is negative, u_i lies between 0 (all alike) and 1 (all orthogonal). A group of one gives 1. The paper normalises u
separately within correct and within wrong answers; here the gate selects which responses are compared.
"""

import torch
from pydantic import Field
from torch import Tensor

from dqo_verl.core.features import Groups
from dqo_verl.core.measures.base import Measure


class Novelty(Measure):
    """Distance to the others on average, and to the nearest."""

    name = "novelty"
    phrase = "mean and least distance to the others"
    reads = "embeddings"
    symmetric = True

    mean_weight: float = Field(0.5, ge=0, le=1)
    """Weight of the mean similarity; the largest similarity has the rest."""

    def __call__(self, groups: Groups) -> Tensor:
        k = groups.rows.shape[-1]
        if k == 1:
            return torch.ones(groups.rows.shape, dtype=torch.float64)
        own = torch.eye(k, dtype=torch.bool)
        similar = groups.embeddings @ groups.embeddings.mT
        mean = similar.masked_fill(own, 0).sum(dim=-1) / (k - 1)
        largest = similar.masked_fill(own, -torch.inf).amax(dim=-1)
        return 1 - (self.mean_weight * mean + (1 - self.mean_weight) * largest)
