"""P(same) of labelled pairs by a checkpoint, through the class that decides in a training step and in an evaluation."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dqo_verl.classifier.data import LabelledPair
from dqo_verl.core.pairs import ordered
from dqo_verl.models.hub import own_device
from dqo_verl.models.pair_classifier import PairClassifier

Scores = NDArray[np.float64]


class Scored(NamedTuple):
    # of the pair in alphabetical order, in which a training step asks
    forward: Scores
    # of the other order
    backward: Scores
    # that travels with the checkpoint
    threshold: float
    # responses longer than the budget, of 2 x pairs
    cut: int

    @property
    def both(self) -> Scores:
        return (self.forward + self.backward) / 2


def score(name: str, pairs: Sequence[LabelledPair]) -> Scored:
    """Both orders of every pair."""
    classifier = PairClassifier(name, own_device())
    one_order = [ordered(pair.a, pair.b) for pair in pairs]
    found, cut = classifier.probabilities([*one_order, *((b, a) for a, b in one_order)], progress=True)
    longer = sum(text in cut for pair in one_order for text in pair)
    return Scored(np.array(found[: len(pairs)]), np.array(found[len(pairs) :]), classifier.threshold, longer)
