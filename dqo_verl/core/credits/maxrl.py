"""MaxRL (arXiv 2602.02710): a prompt counts the more, the rarer its right answers are.

    c_i = r_i / m,   so that the advantage is (r_i - m) / m,   m the mean of the group

The gradient is that of the log-likelihood of a right answer, truncated at the group's size: the sum of the gradients of pass@k
over k, weighted by 1/k. For rewards of 0 and 1 alone: of others the mean may be negative, which would turn the sign around.
A group without a right answer gives 0, as does one that is right throughout once its mean is subtracted.
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
