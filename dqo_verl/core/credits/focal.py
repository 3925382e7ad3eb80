"""F-GRPO's focal weight (arXiv 2602.06717): prompts that are mostly answered right count less.

    c_i = (1 - m)^gamma r_i,   so that the advantage is (1 - m)^gamma (r_i - m),   m the mean of the group

For rewards of 0 and 1, m is the group's success rate. gamma = 0 is the quality itself. A group that is right throughout gives 0.
"""

from pydantic import Field
from torch import Tensor

from dqo_verl.core.credits.base import Credit, refuse_unless_binary


class Focal(Credit):
    """Reward with a weight for groups in which few are right."""

    name = "focal"
    phrase = "reward x focal weight of its group"
    weighs_groups = True

    focal_gamma: float = Field(1.0, ge=0, le=100)
    """Exponent of the share of wrong answers in a group."""

    def __call__(self, quality: Tensor) -> Tensor:
        refuse_unless_binary(quality, "credit=focal")
        return quality * (1 - quality.mean(dim=-1, keepdim=True)) ** self.focal_gamma
