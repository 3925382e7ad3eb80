"""Charts of the runs: the main rows over training steps, and quality against diversity for alpha, k and other settings."""

from typing import Any

from dqo_verl.evaluation.report.charts import Chart, Point, Series
from experiments.collapse.claims import Runs, last
from experiments.collapse.seeds import interval

SHOWN = {
    "pass@1": "pass@1",
    "pass@n": "pass@10",
    "effective_classes": "distinct correct answers in 10",
    "entropy": "entropy of the policy",
}
MAIN = ("grpo", "grpo_no_std", "entropy", "dqo", "darling", "diverse", "target")
# chart -> line -> label of a point -> row
SWEEPS = {
    "alpha, and how it is scaled": {
        "alpha": {"0": "grpo_no_std", "0.25": "dqo_alpha0.25", "1": "dqo", "4": "dqo_alpha4"},
        "alpha, std division": {"0": "grpo", "0.25": "std_alpha0.25", "4": "std_alpha4"},
        "alpha, decoupled": {"0": "grpo", "0.25": "decoupled_alpha0.25", "4": "decoupled_alpha4"},
    },
    "k, measure and gate": {
        "k": {"4": "dqo_k4", "8": "dqo", "16": "dqo_k16"},
        "pairwise distance": {"pairwise": "pairwise"},
        "gate": {"gate": "gate"},
        "darling": {"darling": "darling"},
    },
}


def curves(seeds: dict[int, Runs]) -> list[Chart]:
    """Charts of the main rows: mean and interval over seeds at every step that all seeds of a row have."""
    found = []
    for metric, title in SHOWN.items():
        series = []
        for style, row in enumerate(MAIN):
            lines = [seed[row]["curves"][metric] for seed in seeds.values() if row in seed]
            steps = sorted(set.intersection(*(set(map(int, curve)) for curve in lines))) if lines else []
            points = []
            for step in steps:
                mean, low, high = interval([curve[str(step)] for curve in lines])
                top = 1.0 if metric.startswith("pass@") else high
                points.append(Point(step, mean, y_interval=None if low != low else (max(low, 0.0), min(high, top))))
            series.append(Series(row, style, points, band=True, marks=False))
        ends = (0.0, 1.0) if metric.startswith("pass@") else (0.0, None)
        found.append(Chart(title, "training step", series=[one for one in series if one.points], y_range=ends))
    k = max(len(run["pass@k"]) for runs in seeds.values() for run in runs.values())
    series = []
    for style, row in enumerate(MAIN):
        runs = [seed[row] for seed in seeds.values() if row in seed]
        points = [Point(i + 1, interval([run["pass@k"][i] for run in runs])[0]) for i in range(k if runs else 0)]
        series.append(Series(row, style, points))
    found.append(Chart("pass@k at the end", "k", series=[one for one in series if one.points], y_range=(0.0, 1.0)))
    return found


def sweeps(seeds: dict[int, Runs]) -> list[Chart]:
    """Charts of final diversity against quality, as in the report: a line per swept setting, over its rows' common seeds."""
    found: list[Chart] = []
    style = 0
    for title, lines in SWEEPS.items():
        chart = Chart(title, "pass@1", SHOWN["effective_classes"])
        for name, rows in lines.items():
            shared = [runs for runs in seeds.values() if all(row in runs for row in rows.values())]
            if shared:
                points = [_end(label, [runs[row] for runs in shared]) for label, row in rows.items()]
                chart.series.append(Series(f"{name} ({len(shared)} seeds)", style, points))
            style += 1
        found += [chart] if any(len(series.points) > 1 for series in chart.series) else []
    return found


def _end(label: str, runs: list[dict[str, Any]]) -> Point:
    quality, diversity = (interval([last(run, axis) for run in runs]) for axis in ("pass@1", "effective_classes"))
    of_quality, of_diversity = (None if low != low else (low, high) for _, low, high in (quality, diversity))
    return Point(quality[0], diversity[0], of_quality, of_diversity, label)
