"""What a credit is: a file that turns the qualities of a group into what each of its responses is credited with.

A base that subtracts the mean of a prompt's rewards, and does not divide (GRPO without std division, dr_grpo), makes of a
credit `c` the advantage `c_i - mean c`. So what papers state as an advantage estimator is here a file that works on every
trainer, and beside every measure of diversity: `r` in `r + alpha d` stands for the credit.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor

from dqo_verl.core.parts import Choice
from dqo_verl.errors import UserError


class Credit(Choice, ABC):
    """Qualities of a group -> one number each, in the place of the quality."""

    # for people; `reward` is what the trainer gives
    phrase: ClassVar[str]
    # whether it only gives whole groups another weight, which a division by their standard deviation takes away
    weighs_groups: ClassVar[bool] = False

    def refuse_too_few(self, responses: int, typed: str) -> None:
        """Before a run: `responses` to each prompt, `typed` so."""

    @abstractmethod
    def __call__(self, quality: Tensor) -> Tensor:
        """`(g, k)` -> `(g, k)`: groups of one size."""


def refuse_unless_binary(quality: Tensor, name: str) -> None:
    other = quality[(quality != 0) & (quality != 1)]
    if len(other):
        raise UserError(
            f"{name} is for rewards of 0 and 1, and there is one of {other[0].item():.4g}. Use a reward that says right or "
            "wrong, or leave the credit out."
        )
