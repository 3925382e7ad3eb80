"""DRA-GRPO's weight (arXiv 2505.09655): the less a response resembles its group, the more it counts."""

from torch import Tensor


def graph_cut_weight(similarity: Tensor) -> Tensor:
    """`w_i = 1 / sum_j s_ij` with `s_ii = 1`, `(..., k, k)` -> `(..., k)`: 1/k if all are alike, 1 if all are orthogonal.

    Negative similarities count as 0, so that the weight stays within [1/k, 1] (the paper's code leaves them in the sum).
    """
    to_itself = similarity.diagonal(dim1=-2, dim2=-1)
    return 1 / (1 + similarity.clamp(min=0).sum(dim=-1) - to_itself.clamp(min=0))
