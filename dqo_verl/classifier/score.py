"""P(same) of labelled pairs by a checkpoint, computed by the class that also decides in training steps and evaluations."""

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
    # of the pairs in alphabetical order, as in a training step
    forward: Scores
    # of the pairs in the other order
    backward: Scores
    # stored in the checkpoint
    threshold: float
    # how many of the responses (two per pair) are longer than the token budget
    cut: int

    @property
    def both(self) -> Scores:
        return (self.forward + self.backward) / 2


def score(name: str, pairs: Sequence[LabelledPair]) -> Scored:
    """Score every pair in both orders."""
    classifier = PairClassifier(name, own_device())
    one_order = [ordered(pair.a, pair.b) for pair in pairs]
    found, cut = classifier.probabilities([*one_order, *((b, a) for a, b in one_order)], progress=True)
    longer = sum(text in cut for pair in one_order for text in pair)
    return Scored(np.array(found[: len(pairs)]), np.array(found[len(pairs) :]), classifier.threshold, longer)
