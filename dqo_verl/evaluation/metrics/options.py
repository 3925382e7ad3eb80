"""The settings of `dqo-verl evaluate`; light, because the command line shows their defaults."""

import os
from dataclasses import dataclass

from dqo_verl.core.minilm import MINILM


@dataclass
class Options:
    """What to compute; the field names are the command line's."""

    score_with: str | None = None
    reward_model: str | None = None
    good_at: float | None = None
    embedder: str = MINILM
    # which two responses are the same: `exact`, `cosine` (of the embedder), or a pair classifier, hub name or folder
    classifier: str = "exact"
    # the same above it; none: the checkpoint's own, or DEFAULT_COSINE
    classifier_threshold: float | None = None
    # of each response; none: what the checkpoint was trained with, or half of what it reads
    classifier_tokens: int | None = None
    # ask the pair classifier for (a, b) and (b, a), and average
    both_orders: bool = False
    # beside a pair classifier: up to so many words, half of the words shared is the same (NoveltyBench: 5); 0: off
    short_answer_words: int = 0
    patience: float = 0.8
    judge: str | None = None
    judge_endpoint: str | None = None
    workers: int = os.cpu_count() or 1
    skip_bad: bool = False
