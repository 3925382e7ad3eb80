"""4-gram distinctness, DARLING's lexical ablation (arXiv 2509.02534, table 3), and DPWriter's form of it (arXiv 2601.09609)."""

from collections import Counter
from collections.abc import Sequence

import torch
from pydantic import Field
from torch import Tensor

from dqo_verl.core.features import Groups
from dqo_verl.core.measures.base import Measure


def distinct_ngram_fraction(texts: Sequence[str], n: int = 4) -> Tensor:
    """Share of a response's n-grams that no other response of the group has: distinct ones / all of its n-grams.

    Words are split at whitespace. The numerator counts each n-gram once, so that repetition lowers the score. A
    response of fewer than n words gives 0.
    """
    grams = [[tuple(words[i : i + n]) for i in range(len(words) - n + 1)] for words in (text.split() for text in texts)]
    holders = Counter(gram for response in grams for gram in set(response))
    return torch.tensor([sum(holders[g] == 1 for g in set(own)) / len(own) if own else 0.0 for own in grams])


class Ngram(Measure):
    """Share of a response's n-grams that nobody else in the group has."""

    name = "ngram"
    phrase = "share of n-grams that no other response has"
    reads = "texts"
    combine = "multiply"

    ngram: int = Field(4, ge=1)
    """Words per n-gram."""

    def __call__(self, groups: Groups) -> Tensor:
        return torch.stack([distinct_ngram_fraction(texts, self.ngram) for texts in groups.texts])


def stretched(scores: Tensor) -> Tensor:
    """`(x - min) / (max - min)` within each group, `(g, k)`; 1 for all if they are equal."""
    low, high = scores.amin(dim=-1, keepdim=True), scores.amax(dim=-1, keepdim=True)
    return torch.where(high > low, (scores - low) / (high - low).where(high > low, 1), 1.0)


class StretchedNgram(Measure):
    """DPWriter: share of n-grams of two to four words that nobody else has, stretched from 0 to 1 within the group."""

    name = "stretched_ngram"
    phrase = "share of n-grams that no other response has, stretched from 0 to 1"
    reads = "texts"
    combine = "multiply"

    def __call__(self, groups: Groups) -> Tensor:
        shares = [
            torch.stack([distinct_ngram_fraction(texts, n) for n in (2, 3, 4)]).mean(dim=0) for texts in groups.texts
        ]
        return stretched(torch.stack(shares))
