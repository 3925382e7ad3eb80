"""DIVER's textual diversity (arXiv 2509.26209): how much a response differs from the others in its words.

    d_i = 1 - mean_j BLEU(i, j),   j != i

BLEU counts n-grams of up to four words, adds one to the counts of those of two or more (smoothing), and has a brevity penalty.
Words are split at whitespace. The score is 0 if all are alike, and 1 with nothing in common or in a group of one. The paper
adds 0.1 times the score to correct answers only: alpha=0.1 gate=0.5.
"""

import math
from collections import Counter
from collections.abc import Sequence

from torch import Tensor

from dqo_verl.core.features import Groups
from dqo_verl.core.measures.base import Measure

LONGEST = 4
Grams = list[Counter[tuple[str, ...]]]


def grams_of(text: str) -> Grams:
    """Counts of the n-grams of one word, two words, and so on."""
    words = text.split()
    return [Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1)) for n in range(1, LONGEST + 1)]


def bleu(response: Grams, reference: Grams) -> float:
    """BLEU of one response against another."""
    words, length = response[0].total(), reference[0].total()
    hits = [(own & other).total() for own, other in zip(response, reference, strict=True)]
    if not hits[0]:
        return float(not words and not length)
    precision = math.log(hits[0] / words)
    for n in range(1, LONGEST):
        precision += math.log((hits[n] + 1) / (response[n].total() + 1))
    return math.exp(precision / LONGEST + min(0.0, 1 - length / words))


def distance_in_words(texts: Sequence[str]) -> list[float]:
    """1 minus the mean BLEU of each against the others."""
    grams = [grams_of(text) for text in texts]
    k = len(texts)
    if k == 1:
        return [1.0]
    return [1 - sum(bleu(grams[i], grams[j]) for j in range(k) if j != i) / (k - 1) for i in range(k)]


class Bleu(Measure):
    """Distance to the others in words."""

    name = "bleu"
    phrase = "distance in words to the others"
    reads = "texts"

    def __call__(self, groups: Groups) -> Tensor:
        return groups.each([distance_in_words(texts) for texts in groups.texts])
