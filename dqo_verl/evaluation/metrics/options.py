"""The settings of `dqo-verl evaluate`; light, because the command line shows their defaults."""

import os
from dataclasses import dataclass

from dqo_verl.core.defaults import MINILM


@dataclass
class Options:
    """What to compute; the field names are the command line's."""

    score_with: str | None = None
    reward_model: str | None = None
    good_at: float | None = None
    embedder: str = MINILM
    classifier: str = "exact"
    classifier_threshold: float | None = None  # the checkpoint's own
    classifier_tokens: int | None = None
    patience: float = 0.8
    judge: str | None = None
    judge_endpoint: str | None = None
    workers: int = os.cpu_count() or 1
    skip_bad: bool = False
