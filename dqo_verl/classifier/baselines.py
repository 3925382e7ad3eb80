"""Baselines of the classifier: cosine of the packaged embedder, shared 2-grams, and the more frequent label."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from dqo_verl.classifier.data import LabelledPair
from dqo_verl.classifier.score import Scores
from dqo_verl.core.defaults import MINILM
from dqo_verl.models.embedder import Embedder
from dqo_verl.models.hub import own_device


def cosine(pairs: Sequence[LabelledPair]) -> Scores:
    """Cosine of the two responses' embeddings (unit norm), by the embedder that DARLING uses without a classifier."""
    texts = list(dict.fromkeys(text for pair in pairs for text in (pair.a, pair.b)))
    vectors, _ = Embedder(MINILM, own_device())(texts, progress=True)
    row = {text: vectors[i] for i, text in enumerate(texts)}
    return np.array([float(row[pair.a] @ row[pair.b]) for pair in pairs])


def bigrams(text: str) -> set[tuple[str, str]]:
    words = text.lower().split()
    return set(pairwise(words)) or {(word, "") for word in words}


def jaccard(pairs: Sequence[LabelledPair]) -> Scores:
    """Shared word 2-grams over all word 2-grams of the two responses; a one-word response counts as its word."""
    found = []
    for pair in pairs:
        a, b = bigrams(pair.a), bigrams(pair.b)
        found.append(len(a & b) / len(a | b))
    return np.array(found)


def majority(pairs: Sequence[LabelledPair]) -> Scores:
    """The same score for all pairs, so the chosen threshold gives all of them the more frequent label."""
    return np.zeros(len(pairs))


BASELINES = {"cosine of MiniLM": cosine, "2-gram Jaccard": jaccard, "majority": majority}
