"""The base class of credits: a credit turns the qualities of a group into the numbers that its responses are credited with.

A base that subtracts the mean of a prompt's rewards and does not divide (GRPO without std division, dr_grpo) turns a credit
`c` into the advantage `c_i - mean c`. So a paper's advantage estimator is one file here, which works on every trainer and with
every measure of diversity: the credit is the `r` in `r + alpha d`.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor

from dqo_verl.core.parts import Choice
from dqo_verl.errors import UserError


class Credit(Choice, ABC):
    """Qualities of a group -> one number for each response, which takes the place of its quality."""

    # the credit as users read it; `reward` is the trainer's own
    phrase: ClassVar[str]
    # whether a response may get less than 0 although no reward is negative
    may_be_negative: ClassVar[bool] = False
    # whether it only gives weights to whole groups, which a division by their standard deviation cancels
    weighs_groups: ClassVar[bool] = False

    def refuse_too_few(self, responses: int, typed: str) -> None:
        """Called before a run: refuses a number of `responses` per prompt that is too small, as the user `typed` it."""

    @abstractmethod
    def __call__(self, quality: Tensor) -> Tensor:
        """`(g, k)` -> `(g, k)`: groups of one size."""


def refuse_unless_binary(quality: Tensor, name: str) -> None:
    other = quality[(quality != 0) & (quality != 1)]
    if len(other):
        raise UserError(
            f"{name} is for rewards of 0 and 1, but one reward is {other[0].item():.4g}. Use a reward of 0 or 1, or leave the "
            "credit out."
        )
