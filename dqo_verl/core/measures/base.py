"""The base class of measures. Each measure is one file, with its formula, paper, degenerate cases and parameters.

    class MyMeasure(Measure):
        name = "my_measure"
        reads = "texts"

        def __call__(self, groups: Groups) -> Tensor:
            return groups.each([[...] for texts in groups.texts])

`__init__.py` imports the files of the package. Users name their own file in the settings: docs/own_measure.md.
"""

from abc import ABC, abstractmethod
from typing import ClassVar, Literal

from torch import Tensor

from dqo_verl.core.features import Groups
from dqo_verl.core.parts import Choice

Reads = Literal["embeddings", "classes", "texts", "log_probs", "nothing"]


class Measure(Choice, ABC):
    """Responses of a group -> one score each: the larger, the less the response resembles the others."""

    # which column of the features it needs
    reads: ClassVar[Reads]
    # how it is combined with quality by default
    combine: ClassVar[str] = "add"
    # what a response is rewarded for, as a phrase: "reward + 1.0 x PHRASE of MiniLM embeddings". Default: its name
    phrase: ClassVar[str] = ""
    # whether in a group of two both responses always get the same score
    symmetric: ClassVar[bool] = False

    @abstractmethod
    def __call__(self, groups: Groups) -> Tensor:
        """`(g, k)` scores of groups of one size."""

    def details(self, groups: Groups) -> dict[str, Tensor]:
        """Numbers per group, `(g,)`, whose mean is logged as `diversity/NAME/mean`."""
        return {}
