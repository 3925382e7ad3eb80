"""The quality itself."""

from torch import Tensor

from dqo_verl.core.credits.base import Credit


class Plain(Credit):
    """`c_i = r_i`."""

    name = "plain"
    phrase = "reward"

    def __call__(self, quality: Tensor) -> Tensor:
        return quality
