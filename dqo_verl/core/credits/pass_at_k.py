"""Credits for pass@k (max@k if rewards are not 0 and 1): a response is credited for the sets of m responses that it improves.

M(S) is the largest reward in S. U is the mean of M over all sets of m of a group's k responses, C_i its mean over the sets with
i, and B_i its mean over the sets without i:

    pkpo            c_i = C_i - B_i = k / (k - m) (C_i - U)     PKPO (arXiv 2505.15201): the unbiased gradient of max@m, with a
                                                                baseline that leaves i out
    pass_training   c_i = (C_i - U) / std of M over all sets    pass@k training (arXiv 2508.10751): GRPO over sets

Both sum to 0 over a group. With m = 1, pkpo is GRPO without std division (times k / (k - 1)), and pass_training is GRPO with
it. If all sets are equal, as in a group of equal rewards, both are 0. A group of m or fewer responses (some are missing) uses
sets of one response fewer than it has; a single response gets 0.

The values are exact, from order statistics: the response of rank j (j others are smaller) is the largest of C(j, m - 1) sets.
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
    # double precision, because binomials of large groups are large
    ordered, order = quality.double().sort(dim=-1)
    largest_of = torch.tensor([math.comb(j, m - 1) for j in range(k)], dtype=torch.float64) / math.comb(k, m)
    mean = (ordered * largest_of).sum(dim=-1, keepdim=True)
    variance = ((ordered - mean) ** 2 * largest_of).sum(dim=-1, keepdim=True)
    # i of rank j is the largest in C(j, m-1) of its sets; a larger one of rank l is the largest in C(l-1, m-2) sets with i
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

    may_be_negative = True

    sets_of: int = Field(4, ge=1)
    """Responses in a set: the k of pass@k."""

    def refuse_too_few(self, responses: int, typed: str) -> None:
        if responses <= self.sets_of:
            raise UserError(
                f"{typed} is too small: {self.spell('sets_of', self.sets_of)} needs more responses to a prompt than a set has. "
                "Raise the first or lower the second."
            )

    def __call__(self, quality: Tensor) -> Tensor:
        k = quality.shape[-1]
        m = min(self.sets_of, k - 1)
        return torch.zeros_like(quality) if m < 1 else self.of_sets(quality, m).to(quality.dtype)

    @abstractmethod
    def of_sets(self, quality: Tensor, m: int) -> Tensor:
        """The credits of groups with more than m responses."""


class Pkpo(PassAtK):
    """Mean of the best of m with this response, minus the mean without it."""

    name = "pkpo"
    phrase: ClassVar[str] = "gain for the best of a set"

    def of_sets(self, quality: Tensor, m: int) -> Tensor:
        k = quality.shape[-1]
        with_i, mean, _ = set_means(quality, m)
        return (with_i - mean) * k / (k - m)


class PassTraining(PassAtK):
    """Mean of the best of m with this response, normalised over all sets of the group."""

    name = "pass_training"
    phrase: ClassVar[str] = "gain for the best of a set, normalised"

    def of_sets(self, quality: Tensor, m: int) -> Tensor:
        with_i, mean, variance = set_means(quality, m)
        # equal rewards leave only rounding errors
        flat = (quality.amax(-1, keepdim=True) == quality.amin(-1, keepdim=True)) | (variance <= 1e-20)
        return torch.where(flat, 0.0, (with_i - mean) / variance.where(~flat, 1.0).sqrt())
