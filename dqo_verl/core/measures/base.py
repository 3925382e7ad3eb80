"""What a measure of diversity is: a file that owns its formula, its paper, its degenerate cases and its parameters.

    class MyMeasure(Measure):
        name = "my_measure"
        reads = "texts"

        def __call__(self, groups: Groups) -> Tensor:
            return groups.each([[...] for texts in groups.texts])

A file of the package is imported in `__init__.py`; one of your own is named where it is used: docs/own_measure.md.
"""

from abc import ABC, abstractmethod
from typing import ClassVar, Literal

from torch import Tensor

from dqo_verl.core.features import Groups
from dqo_verl.core.parts import Choice

Reads = Literal["embeddings", "classes", "texts", "log_probs", "nothing"]


class Measure(Choice, ABC):
    """Responses of a group -> one number each; the larger, the less it resembles the others."""

    # which column of the features it needs
    reads: ClassVar[Reads]
    # how it is combined with quality unless something else is typed
    combine: ClassVar[str] = "add"
    # what a response is rewarded for, as a phrase: "reward + 1.0 x PHRASE of MiniLM embeddings". Without it: its name
    phrase: ClassVar[str] = ""
    # whether the two responses of a group of two always get the same number
    symmetric: ClassVar[bool] = False

    @abstractmethod
    def __call__(self, groups: Groups) -> Tensor:
        """`(g, k)` scores of groups of one size."""

    def details(self, groups: Groups) -> dict[str, Tensor]:
        """Numbers per group, `(g,)`, whose mean is logged as `diversity/NAME/mean`."""
        return {}
