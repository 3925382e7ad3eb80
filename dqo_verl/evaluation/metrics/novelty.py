"""Classes of responses that say the same, and what they are worth to a user: NoveltyBench (arXiv 2504.05228)."""

from collections.abc import Iterable, Sequence
from itertools import combinations

import torch
from torch import Tensor
from tqdm import tqdm  # type: ignore[import-untyped,unused-ignore]

from dqo_verl.core.pairs import short_answers_agree

SHORT = 5  # words: up to that many, a model is no help (NoveltyBench's and DARLING's rule)


def exact_matrix(texts: Sequence[str]) -> Tensor:
    """The classifier `exact`: the same words, whatever their case and spacing, `(k, k)`."""
    known: dict[tuple[str, ...], int] = {}
    labels = torch.tensor([known.setdefault(tuple(text.lower().split()), len(known)) for text in texts])
    return (labels.unsqueeze(0) == labels.unsqueeze(1)).triu(1)


class PairClassifier:
    """A sequence classifier on the input format that it was trained with: P(label 1) > threshold means the same.

    Without a threshold the one that travels with the checkpoint counts, as in a training step.
    """

    def __init__(self, name: str, threshold: float | None, tokens: int | None, batch: int = 32) -> None:
        from dqo_verl.models.pair_classifier import LocalClassifier, PairInput, threshold_of

        self.input = PairInput(name, tokens)
        self.model = LocalClassifier(name, "cuda" if torch.cuda.is_available() else "cpu", self.input)
        self.threshold = threshold_of(name, self.input.config) if threshold is None else threshold
        self.tokens, self.batch = self.input.budget, batch  # tokens: of each response
        self.cut: set[str] = set()

    def __call__(self, pairs: Sequence[tuple[str, str]]) -> list[bool]:
        """Decide all pairs, long ones together so that little is padded."""
        order = sorted(range(len(pairs)), key=lambda i: len(pairs[i][0]) + len(pairs[i][1]), reverse=True)
        same = [False] * len(pairs)
        for start in tqdm(range(0, len(order), self.batch), desc="classifier", unit="batch", disable=None):
            chosen = order[start : start + self.batch]
            rows, second, cut = self.input.encode([pairs[i] for i in chosen])
            self.cut |= cut
            for i, p in zip(chosen, self.model.probabilities(rows, second), strict=True):
                same[i] = p > self.threshold
        return same


def same_matrices(groups: Sequence[Sequence[str]], classifier: PairClassifier | None) -> list[Tensor]:
    """`(k, k)` upper triangle for each group: True where the earlier and the later response say the same.

    Equal texts need no model, and a pair that occurs again is decided once. Without classifier: `exact_matrix`.
    """
    if classifier is None:
        return [exact_matrix(texts) for texts in groups]
    decided: dict[tuple[str, str], bool] = {}
    undecided: dict[tuple[str, str], None] = {}
    for pair in (pair for texts in groups for pair in combinations(texts, 2)):
        if pair[0] == pair[1]:
            decided[pair] = True
        elif (short := short_answers_agree(*pair, SHORT)) is not None:
            decided[pair] = short
        else:
            undecided[pair] = None
    decided |= dict(zip(undecided, classifier(list(undecided)), strict=True))
    matrices = []
    for texts in groups:
        same = torch.zeros(len(texts), len(texts), dtype=torch.bool)
        for i, j in combinations(range(len(texts)), 2):
            same[i, j] = decided[texts[i], texts[j]]
        matrices.append(same)
    return matrices


def first_member_classes(same: Tensor) -> list[int]:
    """NoveltyBench's partition: each response joins the first class whose FIRST member it is the same as.

    Not DARLING's training partition (connected components, `dqo_verl.classes`), which can only be coarser or equal.
    """
    heads: list[int] = []
    labels = []
    rows: list[list[bool]] = same.tolist()
    for j in range(len(rows)):
        own = next((c for c, head in enumerate(heads) if rows[head][j]), None)
        if own is None:
            heads.append(j)
            own = len(heads) - 1
        labels.append(own)
    return labels


def utility(labels: Iterable[int], scores: Iterable[float], patience: float) -> float:
    """`sum_i p^(i-1) u_i [class of i not seen before] / sum_i p^(i-1)`: a user who reads on with probability p."""
    seen: set[int] = set()
    total = weights = 0.0
    for i, (label, score) in enumerate(zip(labels, scores, strict=True)):
        total += patience**i * score * (label not in seen)
        weights += patience**i
        seen.add(label)
    return total / weights
