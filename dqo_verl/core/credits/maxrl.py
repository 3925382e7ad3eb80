"""MaxRL (arXiv 2602.02710): the rarer a prompt's correct answers are, the more it counts.

    c_i = r_i / m,   so the advantage is (r_i - m) / m,   where m is the mean of the group

The gradient is that of the log-likelihood of a correct answer, truncated at the group's size: the sum of the gradients of
pass@k over k, weighted by 1/k. Only for rewards of 0 and 1: other rewards may have a negative mean, which would flip the sign.
A group without a correct answer gives 0; so does one with only correct answers, once its mean is subtracted.
"""

from torch import Tensor

from dqo_verl.core.credits.base import Credit, refuse_unless_binary


class MaxRL(Credit):
    """Reward over the mean of its group."""

    name = "maxrl"
    phrase = "reward / mean of its group"
    weighs_groups = True

    def __call__(self, quality: Tensor) -> Tensor:
        refuse_unless_binary(quality, "credit=maxrl")
        mean = quality.mean(dim=-1, keepdim=True)
        return quality / mean.where(mean > 0, 1)
