"""Equivalence classes from pairwise "these two say the same" decisions."""

import torch
from torch import Tensor


def cosine_same(embeddings: Tensor, threshold: float) -> Tensor:
    """Whether `e_i . e_j > threshold` for each pair of unit-norm rows, `(..., k, d)` -> `(..., k, k)`.

    A blank response (a zero row) is the same as other blank ones and different from all others, whatever the threshold.
    """
    blank = (embeddings == 0).all(dim=-1)
    both, one = blank[..., :, None] & blank[..., None, :], blank[..., :, None] ^ blank[..., None, :]
    return (embeddings @ embeddings.mT > threshold) & ~one | both


def same_class(same: Tensor) -> Tensor:
    """Transitive closure of `same`, a boolean `(..., k, k)`: True where two responses share a connected component.

    One true pair, in either order, joins two responses (DARLING's union-find, arXiv 2509.02534, section 3). A response is
    always the same as itself. Squaring the reachability matrix log2(k) times closes paths of any length.
    """
    k = same.shape[-1]
    reach = same | same.mT | torch.eye(k, dtype=torch.bool, device=same.device)
    steps = 1
    while steps < k - 1:
        reach = (reach.float() @ reach.float()) > 0
        steps *= 2
    return reach


def classes(same: Tensor) -> Tensor:
    """Class label of each response, `(..., k)`: the position of the first member of its connected component."""
    return same_class(same).int().argmax(dim=-1)


def first_member(same: list[list[bool]]) -> list[int]:
    """NoveltyBench's greedy rule for one group: join the first class whose first member is the same, else open a new class.

    `(k, k)`, symmetric -> `(k,)`, the position of each class's first member. The classes depend on the order of the responses,
    and are never fewer than the connected components (arXiv 2504.05228, section 3).
    """
    firsts: list[int] = []
    labels = []
    for i in range(len(same)):
        label = next((j for j in firsts if same[i][j]), i)
        if label == i:
            firsts.append(i)
        labels.append(label)
    return labels


def labels(same: Tensor, rule: str) -> list[int]:
    """Class label of each response of one group, by `components` or by `first_member` in the order of the rows."""
    found: list[int] = first_member(same.tolist()) if rule == "first_member" else classes(same).tolist()
    return found
