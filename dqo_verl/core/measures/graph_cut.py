"""DRA-GRPO's weight (arXiv 2505.09655): the less a response resembles its group, the more it counts."""

from torch import Tensor

from dqo_verl.core.features import Groups
from dqo_verl.core.kernels import linear_kernel
from dqo_verl.core.measures.base import Measure


def graph_cut_weight(similarity: Tensor) -> Tensor:
    """`w_i = 1 / sum_j s_ij` with `s_ii = 1`, `(..., k, k)` -> `(..., k)`: 1/k if all are alike, 1 if all are orthogonal.

    Negative similarities count as 0, so that the weight stays within [1/k, 1] (the paper's code leaves them in the sum).
    """
    to_itself = similarity.diagonal(dim1=-2, dim2=-1)
    return 1 / (1 + similarity.clamp(min=0).sum(dim=-1) - to_itself.clamp(min=0))


class GraphCut(Measure):
    """1 / (1 + similarity to the others)."""

    name = "graph_cut"
    phrase = "1 / (1 + similarity to the others)"
    reads = "embeddings"
    combine = "multiply"
    symmetric = True

    def __call__(self, groups: Groups) -> Tensor:
        return graph_cut_weight(linear_kernel(groups.embeddings))
