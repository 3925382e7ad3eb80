"""The records of all runs, and the interval of a number over seeds."""

import json
from collections.abc import Sequence
from math import nan
from pathlib import Path

from dqo_verl.errors import UserError
from experiments.collapse.claims import Runs

Triple = tuple[float, float, float]


def read(directory: Path) -> dict[int, Runs]:
    """`seed -> row -> record`."""
    found: dict[int, Runs] = {}
    for file in sorted((directory / "records").glob("*-s*.json")):
        row, _, seed = file.stem.rpartition("-s")
        found.setdefault(int(seed), {})[row] = json.loads(file.read_text())
    if not found:
        raise UserError(f"{directory / 'records'} has no records. To make some, type bash recipes/demo_collapse.sh")
    return found


def interval(values: Sequence[float]) -> Triple:
    """Mean and 95% interval over seeds; NaN limits for fewer than three."""
    import numpy as np
    from scipy.stats import t  # type: ignore[import-untyped,unused-ignore]

    mean = float(np.mean(values))
    if len(values) < 3:
        return mean, nan, nan
    reach = float(t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / len(values) ** 0.5)
    return mean, mean - reach, mean + reach
