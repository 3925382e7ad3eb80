"""Compares runs with a baseline on the same prompts: differences with intervals, and sentences about them."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from dqo_verl.evaluation.metrics.bootstrap import interval
from dqo_verl.evaluation.metrics.table import COUNT, METRICS, headlines
from dqo_verl.evaluation.report.runs import Slice
from dqo_verl.evaluation.report.seeds import welch

Triple = tuple[float | None, float | None, float | None]
NOTHING: Triple = (None, None, None)


@dataclass
class Cell:
    """A metric of a run: its value, and its difference to the baseline (None for the baseline itself)."""

    value: Triple
    difference: Triple | None = None

    @property
    def verdict(self) -> str:
        """`higher`, `lower` or `no clear difference`: does the 95 % interval of the difference exclude 0?"""
        if not self.difference or self.difference[1] is None or self.difference[2] is None:
            return ""
        low, high = self.difference[1], self.difference[2]
        return "higher" if low > 0 else "lower" if high < 0 else "no clear difference"


def _from_one(temperature: float | None) -> float:
    return abs((1.0 if temperature is None else temperature) - 1.0)


def headline(per_run: list[list[Slice]]) -> list[Slice | None]:
    """The slice of each run to compare: the last step, at the common temperature that is nearest to 1."""
    common = set.intersection(*({s.temperature for s in parts} for parts in per_run if parts))
    if common:
        chosen = min(common, key=lambda t: (_from_one(t), t or 0))
        per_run = [[s for s in parts if s.temperature == chosen] for parts in per_run]
    return [max(parts, key=lambda s: (s.step or 0, -_from_one(s.temperature)), default=None) for parts in per_run]


def difference(own: Slice, baseline: Slice, metric: str) -> Triple:
    """Own - baseline with its interval: a bootstrap over prompts, paired by prompt; with several seeds, Welch's over seeds."""
    if own.seeds or baseline.seeds:
        means = [[s.mean(metric) for s in part.seeds or [part]] for part in (own, baseline)]
        known = [[mean for mean in part if mean is not None] for part in means]
        return welch(*known) if all(known) else NOTHING
    ids = [i for i in own.prompts if i in baseline.prompts]
    if not ids:
        return NOTHING
    gap = own.values(metric, ids) - baseline.values(metric, ids)
    if np.isnan(gap).all():
        return NOTHING
    return tuple(None if np.isnan(x[0]) else float(x[0]) for x in interval(gap[:, None]))  # type: ignore[return-value]


def compare(chosen: list[Slice | None], baseline: int) -> dict[str, list[Cell]]:
    """Every metric that any run has, with one cell per run."""
    base = chosen[baseline]
    table = {}
    for metric in METRICS:
        values: list[Any] = [s.summary["metrics"].get(metric) if s else None for s in chosen]
        if any(values):
            table[metric] = [
                Cell(
                    tuple(value) if value else NOTHING,
                    difference(own, base, metric) if value and own and base and i != baseline else None,
                )
                for i, (own, value) in enumerate(zip(chosen, values, strict=True))
            ]
    return table


def asked_first(table: dict[str, list[Cell]]) -> list[str]:
    """The metrics to look at first: one of quality, and two of diversity, starting with distinct good answers if known."""
    quality, diversity = ([m for m in headlines(kind) if m in table] for kind in ("quality", "diversity"))
    return quality[:1] + ([m for m in headlines("both") if m in table] + diversity)[:2]


def in_words(table: dict[str, list[Cell]], run: int, name: str, baseline: str, base: int) -> str:
    """`dqo against grpo: 2.9 times the distinct correct answers; no clear difference in pass@1.`"""
    told = [_told(m, table[m][run], table[m][base].value[0]) for m in asked_first(table)]
    # diversity first, because the runs differ mainly in it
    said = "; ".join(filter(None, [*told[1:2], *told[:1]]))
    return f"{name} against {baseline}: {said or 'no interval, so no conclusion'}."


def _told(metric: str, cell: Cell, base: float | None) -> str:
    label = METRICS[metric].label
    label = label if "@" in label else label[0].lower() + label[1:]
    value = cell.value[0]
    if value is None or base is None or not cell.verdict:
        return ""
    if cell.verdict == "no clear difference":
        return f"no clear difference in {label}"
    if METRICS[metric].range == COUNT and base > 0:
        return f"{value / base:.1f} times the {label}" if value > base else f"only {value / base:.0%} of the {label}"
    return f"{label} {abs(value - base):.2g} {cell.verdict}"
