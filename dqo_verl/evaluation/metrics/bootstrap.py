"""Percentile bootstrap (Efron 1979): over prompts, whose n responses stay together, or over labelled pairs."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
RESAMPLES, SEED, LEVEL = 2000, 0, 0.95


def interval(values: Array, resamples: int = RESAMPLES, seed: int = SEED) -> tuple[Array, Array, Array]:
    """Mean and 95 % interval of each column of `(prompts, metrics)`; NaN = not defined for that prompt, left out.

    Every column sees the same resamples (multinomial counts, one matrix product a block): paired numbers stay paired.
    With fewer than two prompts there is no interval: NaN.
    """
    prompts = len(values)
    defined = ~np.isnan(values)
    filled = np.where(defined, values, 0.0)
    with np.errstate(invalid="ignore"):
        mean = filled.sum(axis=0) / defined.sum(axis=0)
        if prompts < 2:
            return mean, np.full_like(mean, np.nan), np.full_like(mean, np.nan)
        generator = np.random.default_rng(seed)
        block = max(1, 4_000_000 // prompts)
        means = []
        for start in range(0, resamples, block):
            size = min(block, resamples - start)
            counts = generator.multinomial(prompts, np.full(prompts, 1 / prompts), size=size).astype(np.float64)
            means.append((counts @ filled) / (counts @ defined))
    drawn = np.concatenate(means)
    # A resample may have no prompt for which the metric is defined.
    quantile = np.quantile if defined.all() else np.nanquantile
    tails = quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    tails[:, defined.sum(axis=0) < 2] = np.nan
    return mean, tails[0], tails[1]


def interval_of(metrics: Callable[[NDArray[np.int_]], dict[str, float]], rows: int) -> dict[str, list[float]]:
    """Value and 95 % interval of numbers that are not means, such as AUROC: `metrics` maps row indices to numbers by name.

    A resample in which a number is not defined (NaN) is left out of its interval; if all are, the interval is NaN.
    """
    generator = np.random.default_rng(SEED)
    found = metrics(np.arange(rows))
    drawn = [metrics(generator.integers(rows, size=rows)) for _ in range(RESAMPLES)]
    tails = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    none = [float("nan")] * 2
    defined = {name: [one[name] for one in drawn if one[name] == one[name]] for name in found}
    return {
        name: [value, *(map(float, np.quantile(defined[name], tails)) if defined[name] else none)]
        for name, value in found.items()
    }
