"""Compares runs with a baseline on the same prompts: differences with intervals, and sentences about them."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from dqo_verl.errors import UserError
from dqo_verl.evaluation.metrics.bootstrap import interval
from dqo_verl.evaluation.metrics.table import COUNT, METRICS, headlines
from dqo_verl.evaluation.report.runs import Slice
from dqo_verl.evaluation.report.seeds import student, welch

Triple = tuple[float | None, float | None, float | None]
NOTHING: Triple = (None, None, None)
# with fewer prompts, intervals of the percentile bootstrap are too narrow
FEW = 30


@dataclass
class Cell:
    """A metric of a run: its value, and its difference to the baseline (None for the baseline itself).

    `base` is the baseline's mean over the prompts that both have, from which the difference is taken.
    """

    value: Triple
    difference: Triple | None = None
    base: float | None = None

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
    """The slice of each run to compare: at the common temperature that is nearest to 1, the last step that most seeds have."""
    common = set.intersection(*({s.temperature for s in parts} for parts in per_run if parts))
    if not common:
        each = "; ".join(", ".join(sorted({str(s.temperature) for s in parts})) for parts in per_run if parts)
        raise UserError(
            f"the runs have no temperature in common ({each}), so they cannot be compared. Sample all of them at one."
        )
    chosen = min(common, key=lambda t: (_from_one(t), t or 0))
    return [
        max((s for s in parts if s.temperature == chosen), key=lambda s: (len(s.seeds) or 1, s.step or 0), default=None)
        for parts in per_run
    ]


def difference(own: Slice, baseline: Slice, metric: str) -> tuple[Triple, float | None]:
    """Own - baseline with its interval, and the baseline's mean; over seeds if there are several, else over shared prompts.

    Seeds: Welch's interval. Prompts: pairs, a bootstrap, or Student's interval of fewer than `FEW`.
    """
    if own.seeds or baseline.seeds:
        means = [[s.mean(metric) for s in part.seeds or [part]] for part in (own, baseline)]
        known = [[mean for mean in part if mean is not None] for part in means]
        return (welch(*known), float(np.mean(known[1]))) if all(known) else (NOTHING, None)
    ids = [i for i in own.prompts if i in baseline.prompts]
    base = baseline.values(metric, ids)
    gap = own.values(metric, ids) - base
    known_in_both = ~np.isnan(gap)
    if not known_in_both.any():
        return NOTHING, None
    gap, base = gap[known_in_both], base[known_in_both]
    found = student(gap) if len(gap) < FEW else tuple(float(x[0]) for x in interval(gap[:, None]))
    return found, float(base.mean())  # type: ignore[return-value]


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
                    *(difference(own, base, metric) if value and own and base and i != baseline else (None, None)),
                )
                for i, (own, value) in enumerate(zip(chosen, values, strict=True))
            ]
    return table


def asked_first(table: dict[str, list[Cell]]) -> list[str]:
    """The metrics to look at first: one of quality, and two of diversity, starting with distinct good answers if known."""
    quality, diversity = ([m for m in headlines(kind) if m in table] for kind in ("quality", "diversity"))
    return quality[:1] + ([m for m in headlines("both") if m in table] + diversity)[:2]


def in_words(table: dict[str, list[Cell]], run: int, name: str, baseline: str) -> str:
    """`dqo against grpo: 2.9 times the distinct correct answers; no clear difference in pass@1.`"""
    told = [_told(m, table[m][run]) for m in asked_first(table)]
    # diversity first, because the runs differ mainly in it
    said = "; ".join(filter(None, [*told[1:2], *told[:1]]))
    return f"{name} against {baseline}: {said or 'no interval, so no conclusion'}."


def _told(metric: str, cell: Cell) -> str:
    label = METRICS[metric].label
    label = label if "@" in label else label[0].lower() + label[1:]
    if not cell.verdict or cell.difference is None or cell.difference[0] is None or cell.base is None:
        return ""
    gap, base = cell.difference[0], cell.base
    if cell.verdict == "no clear difference":
        return f"no clear difference in {label}"
    if METRICS[metric].range == COUNT and base > 0:
        share = (base + gap) / base
        return f"{share:.1f} times the {label}" if gap > 0 else f"only {share:.0%} of the {label}"
    return f"{label} {abs(gap):.2g} {cell.verdict}"
