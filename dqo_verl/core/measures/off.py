"""The off switch: no measure."""

from torch import Tensor

from dqo_verl.core.features import Groups
from dqo_verl.core.measures.base import Measure


class Off(Measure):
    """The base estimator runs as it is; other settings are ignored."""

    name = "none"
    reads = "nothing"

    def __call__(self, groups: Groups) -> Tensor:
        return groups.quality.new_zeros(groups.rows.shape)
