"""Credit for pass@k, or max@k where rewards are not 0 and 1: a response is paid for the sets of m responses that it makes better.

With M(S) the largest reward in S, U the mean of M over all sets of m of a group's k responses, C_i its mean over those with i, and B_i
over those without i:

    pkpo            c_i = C_i - B_i = k / (k - m) (C_i - U)     PKPO (arXiv 2505.15201): the unbiased gradient of max@m, with a
                                                                baseline that leaves i out
    pass_training   c_i = (C_i - U) / std of M over all sets    pass@k training (arXiv 2508.10751): GRPO over sets

Both sum to 0 over a group. m = 1 gives them GRPO without and with std division (pkpo: times k / (k - 1)). Where no set differs, as
in a group of equal rewards, both are 0. A group of no more than m responses, where some are missing, is compared by sets of one
less than it has; a response alone gets 0.

Exact, from order statistics: the response of rank j (j others are smaller) is the largest of C(j, m - 1) sets.
"""

import math
from abc import abstractmethod
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from dqo_verl.core.credits.base import Credit
from dqo_verl.errors import UserError


def set_means(quality: Tensor, m: int) -> tuple[Tensor, Tensor, Tensor]:
    """`(g, k)` -> C `(g, k)`, and U and the variance of M over all sets of m, `(g, 1)` both; 1 <= m <= k."""
    k = quality.shape[-1]
    # in double precision: binomials of large groups
    ordered, order = quality.double().sort(dim=-1)
    largest_of = torch.tensor([math.comb(j, m - 1) for j in range(k)], dtype=torch.float64) / math.comb(k, m)
    mean = (ordered * largest_of).sum(dim=-1, keepdim=True)
    variance = ((ordered - mean) ** 2 * largest_of).sum(dim=-1, keepdim=True)
    # i of rank j is the largest of C(j, m-1) of its sets; a larger one of rank l is that of C(l-1, m-2) sets with i
    all_of = math.comb(k - 1, m - 1)
    own = torch.tensor([math.comb(j, m - 1) for j in range(k)], dtype=torch.float64) / all_of
    others = (
        torch.tensor([math.comb(j - 1, m - 2) if j and m > 1 else 0 for j in range(k)], dtype=torch.float64) / all_of
    )
    of_larger = (ordered * others).flip(-1).cumsum(-1).flip(-1) - ordered * others
    with_i = torch.empty_like(ordered).scatter(-1, order, own * ordered + of_larger)
    return with_i, mean, variance


class PassAtK(Credit):
    """Credits that compare sets."""

    sets_of: int = Field(4, ge=1)
    """Responses in a set: the k of pass@k."""

    def refuse_too_few(self, responses: int, typed: str) -> None:
        if responses <= self.sets_of:
            raise UserError(
                f"{typed}: {self.spell('sets_of', self.sets_of)} needs more responses to a prompt than that. Raise the first or "
                "lower the second."
            )

    def __call__(self, quality: Tensor) -> Tensor:
        k = quality.shape[-1]
        m = min(self.sets_of, k - 1)
        return torch.zeros_like(quality) if m < 1 else self.of_sets(quality, m).to(quality.dtype)

    @abstractmethod
    def of_sets(self, quality: Tensor, m: int) -> Tensor:
        """The credits of groups that are larger than m."""


class Pkpo(PassAtK):
    """Mean of the best of m with this response, less that without it."""

    name = "pkpo"
    phrase: ClassVar[str] = "gain for the best of a set"

    def of_sets(self, quality: Tensor, m: int) -> Tensor:
        k = quality.shape[-1]
        with_i, mean, _ = set_means(quality, m)
        return (with_i - mean) * k / (k - m)


class PassTraining(PassAtK):
    """The same in units of its standard deviation over all sets."""

    name = "pass_training"
    phrase: ClassVar[str] = "gain for the best of a set, normalised"

    def of_sets(self, quality: Tensor, m: int) -> Tensor:
        with_i, mean, variance = set_means(quality, m)
        # rewards that are all equal leave rounding
        flat = (quality.amax(-1, keepdim=True) == quality.amin(-1, keepdim=True)) | (variance <= 1e-20)
        return torch.where(flat, 0.0, (with_i - mean) / variance.where(~flat, 1.0).sqrt())
