"""Decides which responses say the same, as a training step does, and computes NoveltyBench's utility (arXiv 2504.05228)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from dqo_verl.core.classes import cosine_same
from dqo_verl.core.defaults import DEFAULT_COSINE
from dqo_verl.core.pairs import Pair, decide_all
from dqo_verl.errors import UserError
from dqo_verl.evaluation.metrics.options import Options

EXACT, COSINE = "exact", "cosine"


@dataclass
class Decided:
    """For each group a `(k, k)` matrix, True where two responses are the same, and a note for the reader."""

    same: list[Tensor]
    note: dict[str, Any] = field(default_factory=dict)


def check(options: Options, embeds: bool) -> None:
    """Refuse options that cannot work, before anything is computed."""
    without_pairs = options.classifier in (EXACT, COSINE)
    if without_pairs and (options.both_orders or options.short_answer_words or options.classifier_tokens):
        raise UserError(
            "--both-orders, --short-answer-words and --classifier-tokens belong to a pair classifier; with --classifier "
            f"{options.classifier} they would do nothing. Leave them out."
        )
    if options.classifier == EXACT and options.classifier_threshold is not None:
        raise UserError(
            "--classifier-threshold has no effect on --classifier exact: leave it out, or name a classifier."
        )
    if options.judge_endpoint and not options.judge:
        raise UserError("--judge-endpoint has no effect without --judge MODEL: add it, or leave both out.")
    if options.classifier == COSINE and not embeds:
        raise UserError(
            "--classifier cosine compares embeddings, but --embedder none makes none: leave out one of the two."
        )


def decide(groups: Sequence[Sequence[str]], options: Options, embeddings: Sequence[Tensor] | None) -> Decided:
    """Decide by `options.classifier`. `embeddings` has a `(k, d)` tensor per group, in single precision as in training."""
    if options.classifier == EXACT:
        return Decided([same_words(texts) for texts in groups])
    if options.classifier == COSINE:
        assert embeddings is not None
        threshold = DEFAULT_COSINE if options.classifier_threshold is None else options.classifier_threshold
        return Decided([cosine_same(own, threshold) for own in embeddings], {"threshold": threshold})
    return by_classifier(groups, options)


def same_words(texts: Sequence[str]) -> Tensor:
    """The classifier `exact`: True if two responses have the same words, ignoring case and spacing, `(k, k)`."""
    known: dict[tuple[str, ...], int] = {}
    labels = torch.tensor([known.setdefault(tuple(text.lower().split()), len(known)) for text in texts])
    return labels[:, None] == labels[None, :]


def by_classifier(groups: Sequence[Sequence[str]], options: Options) -> Decided:
    from dqo_verl.models.hub import own_device
    from dqo_verl.models.pair_classifier import PairClassifier

    classifier = PairClassifier(
        options.classifier,
        own_device(),
        threshold=options.classifier_threshold,
        both_orders=options.both_orders,
        tokens=options.classifier_tokens,
    )
    cut: set[str] = set()

    def answer(pairs: Sequence[Pair]) -> list[bool]:
        same, too_long = classifier(pairs, progress=True)
        cut.update(too_long)
        return same

    same = [torch.tensor(matrix) for matrix in decide_all(groups, answer, options.short_answer_words)]
    told = {
        "threshold": classifier.threshold,
        "tokens of each response": classifier.input.budget,
        "texts cut": len(cut),
    }
    return Decided(same, told)


def utility(labels: Iterable[int], scores: Iterable[float], patience: float) -> float:
    """`sum_i p^(i-1) u_i [class of i not seen before] / sum_i p^(i-1)`: a user who reads on with probability p."""
    seen: set[int] = set()
    total = weights = 0.0
    for i, (label, score) in enumerate(zip(labels, scores, strict=True)):
        total += patience**i * score * (label not in seen)
        weights += patience**i
        seen.add(label)
    return total / weights
