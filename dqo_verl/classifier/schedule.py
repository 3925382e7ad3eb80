"""The ordered pairs and the learning rate of each update. Both are functions of the step: a run can resume at any step."""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from dqo_verl.classifier.settings import TrainSettings


class Ordered(NamedTuple):
    pair: int
    # Whether the pair is read as (b, a).
    turned: bool


def batch_of(step: int, pairs: int, settings: TrainSettings) -> list[Ordered]:
    """The ordered pairs of a step. Each epoch has both orders of every pair once and is shuffled anew."""
    examples = 2 * pairs
    found = []
    for position in range(step * settings.batch, (step + 1) * settings.batch):
        epoch, place = divmod(position, examples)
        index = _order(settings.seed, epoch, examples)[place]
        found.append(Ordered(index // 2, bool(index % 2)))
    return found


@lru_cache(maxsize=2)
def _order(seed: int, epoch: int, examples: int) -> list[int]:
    order: list[int] = np.random.default_rng([seed, epoch]).permutation(examples).tolist()
    return order


def learning_rate(step: int, settings: TrainSettings) -> float:
    """Linear warm-up, then a cosine from `lr` to a tenth of it."""
    if step < settings.warmup:
        return settings.lr * (step + 1) / settings.warmup
    done = (step - settings.warmup) / max(1, settings.steps - settings.warmup)
    return settings.lr * (0.1 + 0.9 * (1 + math.cos(math.pi * done)) / 2)


def class_weights(labels: Sequence[int]) -> tuple[float, float]:
    """Inverse frequency, `n / (2 n_c)`: both classes weigh the same in the loss."""
    similar = sum(labels)
    return len(labels) / (2 * (len(labels) - similar)), len(labels) / (2 * similar)
