"""Options of `dqo-verl evaluate`. The module imports little, because `--help` loads it to show the defaults."""

import os
from dataclasses import dataclass
from typing import Annotated

from tyro.conf import arg

from dqo_verl.core.defaults import MINILM
from dqo_verl.flags import unset


@dataclass(frozen=True)
class Options:
    """What to measure, and with which models."""

    score_with: Annotated[str | None, unset("`score` and `acc` of the rows", "FILE.py:F")] = None
    """Reward function with verl's signature, as FILE.py:FUNCTION or MODULE:FUNCTION."""
    score_field: Annotated[str | None, unset("`score`, or the only reward of the row", "NAME")] = None
    """Field of the rows that holds the score, such as one of several reward columns of TRL."""
    reward_model: Annotated[str | None, unset("none", "NAME")] = None
    """Sequence classifier with one label that scores the responses in this process."""
    good_at: Annotated[float | None, unset("1 if all scores or `acc` are 0 or 1", "SCORE")] = None
    """Lowest score of a good response, for pass@k and effective diversity."""
    embedder: Annotated[str, arg(metavar="NAME")] = MINILM
    """Sentence-transformers model, by name or folder, or `none`."""
    classifier: Annotated[str, arg(metavar="NAME")] = "exact"
    """exact (same words), cosine (of the embedder, DARLING's fallback), or a pair classifier (name or path)."""
    classifier_threshold: Annotated[float | None, unset("the checkpoint's own, or 0.891 for cosine", "P")] = None
    """Probability, or cosine, above which two responses are the same."""
    classifier_tokens: Annotated[int | None, unset("the checkpoint's own, or half of what it reads", "N")] = None
    """Tokens of each response that the classifier reads."""
    short_answer_words: Annotated[int, arg(metavar="N")] = 0
    """Answers of at most N words are the same if they share half of the longer one's words (NoveltyBench: 5); 0: off."""
    both_orders: bool = False
    """Ask the classifier about each pair in both orders, and average."""
    patience: Annotated[float, arg(metavar="P")] = 0.8
    """Probability that the user in NoveltyBench's utility reads on."""
    judge: Annotated[str | None, unset("none", "MODEL")] = None
    """Model that is asked how diverse the responses are."""
    judge_endpoint: Annotated[str | None, unset("api.openai.com", "URL")] = None
    """OpenAI-compatible server of the judge."""
    workers: Annotated[int, arg(metavar="N")] = os.cpu_count() or 1
    """Number of processes for the lexical metrics."""
    skip_bad: bool = False
    """Leave out bad rows and groups, and count them."""
