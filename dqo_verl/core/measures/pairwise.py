"""Mean pairwise distance: the measure that DQO (arXiv 2509.04784) argues against."""

from torch import Tensor

from dqo_verl.core.features import Groups
from dqo_verl.core.kernels import linear_kernel
from dqo_verl.core.measures.base import Measure


def mean_pairwise_distance(similarity: Tensor) -> Tensor:
    """`(1/(k-1)) sum_{j != i} (1 - S_ij)`, `(..., k, k)` -> `(..., k)`. A group of one gives 1, as if orthogonal."""
    k = similarity.shape[-1]
    to_itself = similarity.diagonal(dim1=-2, dim2=-1)
    if k == 1:
        return to_itself.new_ones(to_itself.shape)
    return 1 - (similarity.sum(dim=-1) - to_itself) / (k - 1)


class Pairwise(Measure):
    """Mean cosine distance to the others."""

    name = "pairwise"
    phrase = "mean cosine distance to the others"
    reads = "embeddings"
    symmetric = True

    def __call__(self, groups: Groups) -> Tensor:
        return mean_pairwise_distance(linear_kernel(groups.embeddings))
