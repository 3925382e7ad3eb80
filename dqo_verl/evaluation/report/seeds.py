"""Several seeds of one method as one run: means over seeds, and intervals over seeds (Student, Welch)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import stats  # type: ignore[import-untyped,unused-ignore]

from dqo_verl.evaluation.metrics.table import natural_range
from dqo_verl.evaluation.report.runs import Curve, Run, Slice

Triple = tuple[float | None, float | None, float | None]
LEVEL = 0.95
SEVERAL = "several"


def student(values: Sequence[float], low: float | None = None, high: float | None = None) -> Triple:
    """Mean and 95 % interval of the mean, clipped to the metric's range; a single value has no interval."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return mean, None, None
    reach = float(stats.t.ppf((1 + LEVEL) / 2, len(values) - 1) * np.std(values, ddof=1) / len(values) ** 0.5)
    return mean, max(mean - reach, -np.inf if low is None else low), min(mean + reach, np.inf if high is None else high)


def welch(own: Sequence[float], other: Sequence[float]) -> Triple:
    """Mean of `own` - mean of `other` with its 95 % interval; their variances may differ."""
    gap = float(np.mean(own) - np.mean(other))
    if min(len(own), len(other)) < 2:
        return gap, None, None
    parts = [float(np.var(values, ddof=1)) / len(values) for values in (own, other)]
    if not sum(parts):
        return gap, gap, gap
    freedom = sum(parts) ** 2 / sum(part**2 / (len(v) - 1) for part, v in zip(parts, (own, other), strict=True))
    reach = float(stats.t.ppf((1 + LEVEL) / 2, freedom)) * sum(parts) ** 0.5
    return gap, gap - reach, gap + reach


def one_slice(members: list[Slice]) -> Slice:
    """The same step and temperature of several seeds, as one slice; the samples are those of the first seed."""
    if len(members) == 1:
        return members[0]
    first = members[0]
    n = first.summary["n"]
    metrics: dict[str, Any] = {}
    for metric in first.summary["metrics"]:
        values = [mean for s in members if (mean := s.mean(metric)) is not None]
        if len(values) == len(members):
            metrics[metric] = list(student(values, *natural_range(metric, n)))
    curves = {}
    for name, triples in first.summary["curves"].items():
        others = [s.summary["curves"].get(name, []) for s in members]
        if all(len(own) == len(triples) for own in others):
            ends = natural_range("pass@1", n) if name == "pass@k" else (None, None)
            curves[name] = [list(student([one[0] for one in at_k], *ends)) for at_k in zip(*others, strict=True)]
    summary = first.summary | {"metrics": metrics, "curves": curves}
    return replace(first, summary=summary, seeds=members)


def by_moment(slices: Sequence[Slice]) -> list[Slice]:
    """One slice for each step and temperature. Of two evaluations of one seed, the newer one counts."""
    moments: dict[tuple[int | None, float | None], dict[int, Slice]] = {}
    for part in sorted(slices, key=lambda part: part.written):
        moments.setdefault((part.step, part.temperature), {})[part.seed] = part
    return [one_slice([of_seed[seed] for seed in sorted(of_seed)]) for of_seed in moments.values()]


def one_run(members: list[Run]) -> Run:
    """Merge the runs of one method, one per seed, into one run."""
    first = members[0]
    if len(members) == 1:
        return first
    run = Run(first.name, first.path, seeds=len(members))
    for name in dict.fromkeys(name for member in members for name in member.curves):
        run.curves[name], run.spread[name] = _mean_and_reach([member.curves.get(name, {}) for member in members])
    run.slices = [replace(part, seed=seed) for seed, member in enumerate(members) for part in member.slices]
    for name in {name for member in members for name in member.settings}:
        values = {member.settings.get(name) for member in members}
        run.settings[name] = values.pop() or SEVERAL if len(values) == 1 else SEVERAL
    for i, member in enumerate(members, start=1):
        run.provenance |= {f"seed {i}, {what}": made for what, made in member.provenance.items()}
    return run


def _mean_and_reach(curves: Sequence[Curve]) -> tuple[Curve, dict[int, tuple[float, float]]]:
    """The mean, and the lowest and highest value, at each step that all curves have."""
    steps = set.intersection(*(set(curve) for curve in curves))
    at = {step: [curve[step] for curve in curves] for step in sorted(steps)}
    return {step: float(np.mean(v)) for step, v in at.items()}, {step: (min(v), max(v)) for step, v in at.items()}
