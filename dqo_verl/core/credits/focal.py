"""F-GRPO's focal weight (arXiv 2602.06717): prompts that are mostly answered correctly count less.

    c_i = (1 - m)^gamma r_i,   so the advantage is (1 - m)^gamma (r_i - m),   where m is the mean of the group

For rewards of 0 and 1, m is the group's success rate. gamma = 0 is the quality itself. A group with only correct
answers gives 0.
"""

from pydantic import Field
from torch import Tensor

from dqo_verl.core.credits.base import Credit, refuse_unless_binary


class Focal(Credit):
    """Reward times a weight, which is larger for groups with few correct answers."""

    name = "focal"
    phrase = "reward x focal weight of its group"
    weighs_groups = True

    focal_gamma: float = Field(1.0, ge=0, le=100)
    """Exponent of the share of wrong answers in a group."""

    def __call__(self, quality: Tensor) -> Tensor:
        refuse_unless_binary(quality, "credit=focal")
        return quality * (1 - quality.mean(dim=-1, keepdim=True)) ** self.focal_gamma
