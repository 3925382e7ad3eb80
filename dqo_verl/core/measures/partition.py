"""DARLING (arXiv 2509.02534): how many of the other responses say something else."""

import torch
from torch import Tensor

from dqo_verl.core.classes import classes, same_class
from dqo_verl.core.features import Groups
from dqo_verl.core.measures.base import Measure


def distinct_fraction(same: Tensor) -> Tensor:
    """`v_i = (n - |class(i)|) / (n - 1)` where classes are the connected components of `same`, `(..., n, n)` -> `(..., n)`.

    It is 0 if all are alike, and 1 if all differ. A group of one gives 1, because nothing is like it.
    """
    n = same.shape[-1]
    class_size = same_class(same).sum(dim=-1).float()
    return (n - class_size) / (n - 1) if n > 1 else class_size


class Partition(Measure):
    """Share of the others that are in another semantic class."""

    name = "partition"
    phrase = "share of the others in another class"
    reads = "classes"
    combine = "multiply"
    symmetric = True

    def __call__(self, groups: Groups) -> Tensor:
        return distinct_fraction(groups.same)

    def details(self, groups: Groups) -> dict[str, Tensor]:
        own = torch.arange(groups.rows.shape[-1])
        return {"classes": (classes(groups.same) == own).sum(-1)}
