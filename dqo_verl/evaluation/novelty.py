"""Classes of responses that say the same, and what they are worth to a user: NoveltyBench (arXiv 2504.05228)."""

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm  # type: ignore[import-untyped,unused-ignore]

SHORT = 5  # words: below, a model is no help, and two responses are the same if they share half of the words


def short_rule(first: str, second: str) -> bool | None:
    """NoveltyBench's and DARLING's rule for two responses of at most five words; None for longer ones."""
    a, b = first.lower().split(), second.lower().split()
    longer = max(len(a), len(b))
    return None if longer > SHORT else 2 * len(set(a) & set(b)) >= longer


def exact_matrix(texts: Sequence[str]) -> Tensor:
    """The classifier `exact`: the same words, whatever their case and spacing, `(k, k)`."""
    known: dict[tuple[str, ...], int] = {}
    labels = torch.tensor([known.setdefault(tuple(text.lower().split()), len(known)) for text in texts])
    return (labels.unsqueeze(0) == labels.unsqueeze(1)).triu(1)


class PairClassifier:
    """A sequence-classification model over `CLS first SEP second SEP`: P(label 1) > threshold means the same."""

    def __init__(self, name: str, threshold: float, tokens: int | None, batch: int = 32) -> None:
        from transformers import AutoModelForSequenceClassification

        from dqo_verl.features.classifier import PairInput

        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        marked = PairInput(name)  # Qwen's tokenizers have neither CLS nor SEP
        self.tokenizer: Any = marked.tokenizer
        self.start, self.end = marked.start, marked.end
        self.model: Any = AutoModelForSequenceClassification.from_pretrained(name).to(self.device).eval()
        if self.model.config.num_labels != 2:
            raise ValueError(
                f"classifier {name!r} has {self.model.config.num_labels} labels; two are needed, label 1 = same"
            )
        self.threshold, self.batch = threshold, batch
        self.tokens = tokens or (self.model.config.max_position_embeddings - 4) // 2  # of each response
        self.cut: set[str] = set()

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False, truncation=False, verbose=False)["input_ids"]
        if len(ids) > self.tokens:
            self.cut.add(text)
        return ids[: self.tokens]

    @torch.inference_mode()
    def __call__(self, pairs: Sequence[tuple[str, str]]) -> list[bool]:
        """Decide all pairs, long ones together so that little is padded."""
        order = sorted(range(len(pairs)), key=lambda i: len(pairs[i][0]) + len(pairs[i][1]), reverse=True)
        same = [False] * len(pairs)
        for start in tqdm(range(0, len(order), self.batch), desc="classifier", unit="batch"):
            rows = order[start : start + self.batch]
            inputs = [self._pair(*pairs[i]) for i in rows]
            batch = self.tokenizer.pad(inputs, return_tensors="pt").to(self.device)
            probability = self.model(**batch).logits.float().softmax(dim=-1)[:, 1]
            for i, p in zip(rows, probability.tolist(), strict=True):
                same[i] = p > self.threshold
        return same

    def _pair(self, first: str, second: str) -> dict[str, list[int]]:
        head, tail = [self.start, *self._ids(first), self.end], [*self._ids(second), self.end]
        types = {"token_type_ids": [0] * len(head) + [1] * len(tail)}
        return {"input_ids": head + tail} | (types if "token_type_ids" in self.tokenizer.model_input_names else {})


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
        elif (short := short_rule(*pair)) is not None:
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
