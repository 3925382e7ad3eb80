"""What a classifier must beat: cosine of the packaged embedder, shared 2-grams, and the more frequent answer."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from dqo_verl.classifier.data import LabelledPair
from dqo_verl.classifier.score import Scores
from dqo_verl.core.defaults import MINILM
from dqo_verl.models.embedder import Embedder
from dqo_verl.models.hub import own_device


def cosine(pairs: Sequence[LabelledPair]) -> Scores:
    """Of the unit-norm embeddings of the two responses, by the embedder that DARLING without a classifier uses."""
    texts = list(dict.fromkeys(text for pair in pairs for text in (pair.a, pair.b)))
    vectors, _ = Embedder(MINILM, own_device())(texts, progress=True)
    row = {text: vectors[i] for i, text in enumerate(texts)}
    return np.array([float(row[pair.a] @ row[pair.b]) for pair in pairs])


def bigrams(text: str) -> set[tuple[str, str]]:
    words = text.lower().split()
    return set(pairwise(words)) or {(word, "") for word in words}


def jaccard(pairs: Sequence[LabelledPair]) -> Scores:
    """Shared 2-grams of words over all 2-grams of the two; a response of one word is that word."""
    found = []
    for pair in pairs:
        a, b = bigrams(pair.a), bigrams(pair.b)
        found.append(len(a & b) / len(a | b))
    return np.array(found)


def majority(pairs: Sequence[LabelledPair]) -> Scores:
    """The same score for all: whatever threshold is chosen, all get the answer that was more frequent."""
    return np.zeros(len(pairs))


BASELINES = {"cosine of MiniLM": cosine, "2-gram Jaccard": jaccard, "majority": majority}
