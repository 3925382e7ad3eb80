"""Uniqueness-aware RL (arXiv 2601.08763): the larger the class of a response, the less it counts.

    w_i = 1 / |class(i)|,   and the advantage becomes A_i w_i^alpha

The paper's classes are strategies, named by a judge. If all responses are alike, each gets 1/k; a response that nobody
else gave gets 1.
"""

from torch import Tensor

from dqo_verl.core.features import Groups
from dqo_verl.core.measures.base import Measure


class Uniqueness(Measure):
    """One over the number of responses that say the same."""

    name = "uniqueness"
    phrase = "1 / size of its class"
    reads = "classes"
    combine = "weigh"
    symmetric = True

    def __call__(self, groups: Groups) -> Tensor:
        return 1 / groups.same.sum(dim=-1).double()
