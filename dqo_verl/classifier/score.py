"""P(same) of labelled pairs by a checkpoint, through the same classes that DARLING's estimator uses."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dqo_verl.classifier.data import LabelledPair
from dqo_verl.core.pairs import ordered
from dqo_verl.models.pair_classifier import LocalClassifier, PairInput, threshold_of

Scores = NDArray[np.float64]
CHUNK = 64  # pairs between two moves of the progress bar


class Scored(NamedTuple):
    forward: Scores  # of the pair in alphabetical order, which is the one that a training step asks in
    backward: Scores  # of the other order
    threshold: float  # that travels with the checkpoint
    cut: int  # responses longer than the budget, of 2 x pairs

    @property
    def both(self) -> Scores:
        return (self.forward + self.backward) / 2


def score(name: str, pairs: Sequence[LabelledPair], device: str | None = None) -> Scored:
    """Both orders of every pair."""
    import torch
    from tqdm import tqdm  # type: ignore[import-untyped,unused-ignore]

    pair_input = PairInput(name)
    model = LocalClassifier(name, device or ("cuda" if torch.cuda.is_available() else "cpu"), pair_input)
    one_order = [ordered(p.a, p.b) for p in pairs]
    texts = one_order + [(b, a) for a, b in one_order]
    rows, second, cut = pair_input.encode(texts, [p.prompt for p in pairs] * 2)
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
    found = np.empty(len(rows))
    for start in tqdm(range(0, len(order), CHUNK), desc="pairs in both orders", unit="batch", disable=None):
        chunk = order[start : start + CHUNK]
        found[chunk] = model.probabilities([rows[i] for i in chunk], [second[i] for i in chunk])
    if not np.isfinite(found).all():
        raise FloatingPointError(f"{name} gave a non-finite probability")
    longer = sum(text in cut for pair in texts[: len(pairs)] for text in pair)
    return Scored(found[: len(pairs)], found[len(pairs) :], threshold_of(name, pair_input.config), longer)
