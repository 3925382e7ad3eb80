"""Which charts the report shows: training curves, quality against k, quality against diversity."""

import re
from collections.abc import Callable
from math import isfinite

from dqo_verl.evaluation.metrics.table import METRICS, charted, headlines, natural_range
from dqo_verl.evaluation.report.charts import Chart, Point, Series
from dqo_verl.evaluation.report.runs import Run, Slice

# Patterns of the logged metrics that are drawn, most important first -> heading, and the ends of the y axis.
LOGGED: dict[str, tuple[str, tuple[float | None, float | None]]] = {
    r"val-core/.+/mean@\d+": ("Validation, one attempt", (0.0, None)),
    r"critic/score/mean": ("Reward while training", (None, None)),
    r"diversity/classes/mean": ("Distinct answers in a group", (0.0, None)),
    r"diversity/(bonus|score|logdet)/mean": ("Diversity while training", (0.0, None)),
    r"diversity/duplicates/frac": ("Responses that repeat another", (0.0, 1.0)),
    r"actor/entropy": ("Entropy of the policy", (0.0, None)),
    r"response_length/mean": ("Tokens per response", (0.0, None)),
    r"response_length/clip_ratio": ("Responses cut off", (0.0, 1.0)),
}
Moment = Callable[[Slice], str]
# Width and height of a chart that stands alone.
LARGE = (680, 400)
# A curve of up to FEW points has marks; one of more than MANY points is thinned out.
FEW, MANY = 40, 600


def _smooth(points: list[Point], width: int) -> list[Point]:
    """Centred moving average over `width` points, narrower at the ends."""
    half = width // 2
    windows = [points[max(0, i - half) : i + half + 1] for i in range(len(points))]
    return [Point(p.x, sum(q.y for q in w) / len(w)) for p, w in zip(points, windows, strict=True)]


def training(runs: list[Run]) -> list[Chart]:
    """One chart for every metric in LOGGED that any run logged."""
    charts = []
    logged = sorted({name for run in runs for name in run.curves})
    for pattern, (heading, ends) in LOGGED.items():
        for name in (name for name in logged if re.fullmatch(pattern, name)):
            chart = Chart(f"{heading}: {name}", "training step", y_range=ends)
            for style, run in enumerate(runs):
                spread = run.spread.get(name, {})
                found = sorted(run.curves.get(name, {}).items())
                points = [Point(x, y, None, spread.get(x)) for x, y in found if isfinite(y)]
                points = points[:: 1 + len(points) // MANY]
                if spread:
                    chart.series.append(Series(run.name, style, points, band=True, marks=len(points) <= FEW))
                elif len(points) > FEW:
                    chart.series.append(Series(run.name, style, points, marks=False, faint=True))
                    points = _smooth(points, max(5, len(points) // 20))
                    chart.series.append(Series(run.name, style, points, marks=False))
                elif points:
                    chart.series.append(Series(run.name, style, points))
            charts.append(chart)
    return charts


def _y_interval(triple: list[float | None]) -> tuple[float, float] | None:
    return None if triple[1] is None or triple[2] is None else (triple[1], triple[2])


def curves_over_k(runs: list[Run], chosen: list[Slice | None]) -> list[Chart]:
    """pass@k and expected best-of-k with their intervals."""
    charts = []
    for curve, title in (("pass@k", "pass@k"), ("best_of_k", "Expected best-of-k reward")):
        chart = Chart(title, "k", log_x=True, y_range=(0.0, 1.0) if curve == "pass@k" else (None, None))
        for style, (run, part) in enumerate(zip(runs, chosen, strict=True)):
            triples = part.summary["curves"].get(curve, []) if part else []
            wanted = [
                k for k in range(1, len(triples) + 1) if len(triples) <= 16 or k & (k - 1) == 0 or k == len(triples)
            ]
            points = [Point(k, triples[k - 1][0], None, _y_interval(triples[k - 1])) for k in wanted]
            if len(points) > 1:
                chart.series.append(Series(run.name, style, points, band=True))
        if chart.series and (curve == "pass@k" or not _same_curves(chosen)):
            charts.append(chart)
    return charts


def _same_curves(chosen: list[Slice | None]) -> bool:
    """With 0/1 rewards best-of-k is pass@k."""
    return all(s.summary["curves"].get("pass@k") == s.summary["curves"].get("best_of_k") for s in chosen if s)


def _temperature(part: Slice) -> str:
    return f"T {part.temperature:g}"


def _step(part: Slice) -> str:
    return f"step {part.step}"


def _against(runs: list[Run], per_run: list[list[Slice]], quality: str, diversity: str, moment: Moment) -> Chart:
    n = next(s.summary["n"] for parts in per_run for s in parts)
    chart = Chart(METRICS[diversity].label, METRICS[quality].label, METRICS[diversity].label, front=True)
    chart.y_range = natural_range(diversity, n)
    for style, (run, parts) in enumerate(zip(runs, per_run, strict=True)):
        points = []
        for i, part in enumerate(parts):
            x, y = part.summary["metrics"].get(quality), part.summary["metrics"].get(diversity)
            if x and y and x[0] is not None and y[0] is not None:
                # label the last point of each run, and the first point of the first run only
                told = len(parts) > 1 and i in ((0, len(parts) - 1) if style == 0 else (len(parts) - 1,))
                points.append(Point(x[0], y[0], _y_interval(x), _y_interval(y), moment(part) if told else ""))
        if points:
            chart.series.append(Series(run.name, style, points))
    return chart


def trade_offs(
    runs: list[Run], per_run: list[list[Slice]], chosen: list[Slice | None]
) -> list[tuple[str, list[Chart]]]:
    """Quality (right is better) against diversity (up is better), by temperature and by step; the first chart is large."""
    measured = {m for parts in per_run for s in parts for m in s.summary["metrics"]}
    quality = next((m for m in headlines("quality") if m in measured), None)
    found = [m for m in charted("diversity", "both") if m in measured][:6]
    if quality is None or not found:
        return []
    last = [[s for s in parts if c and s.step == c.step] for parts, c in zip(per_run, chosen, strict=True)]
    steps = [
        [s for s in parts if c and s.temperature == c.temperature] for parts, c in zip(per_run, chosen, strict=True)
    ]
    shown = {
        "Quality and diversity, temperatures": (last, _temperature),
        "Quality and diversity, training steps": (steps, _step),
    }
    several = {title: one for title, one in shown.items() if any(len(parts) > 1 for parts in one[0])}
    panels = []
    for title, (parts, moment) in (several or {"Quality and diversity": (last, _temperature)}).items():
        charts = [_against(runs, parts, quality, metric, moment) for metric in found]
        charts[0].width, charts[0].height = LARGE
        panels.append((title, charts))
    return panels


def evaluated_over_steps(runs: list[Run], per_run: list[list[Slice]], chosen: list[Slice | None]) -> list[Chart]:
    """Evaluated metrics over the training step, with intervals: of several checkpoints or of validation dumps."""
    charts = []
    quality = "pass@1" if any(s.mean("pass@1") is not None for s in chosen if s) else "reward"
    for metric in (quality, *charted("diversity", "both", "size")):
        n = next((s.summary["n"] for s in chosen if s), 1)
        chart = Chart(METRICS[metric].label, "training step", y_range=natural_range(metric, n))
        for style, (run, parts, c) in enumerate(zip(runs, per_run, chosen, strict=True)):
            kept = [s for s in parts if c and s.temperature == c.temperature and s.step is not None]
            triples = [(s.step or 0, s.summary["metrics"].get(metric)) for s in kept]
            points = [Point(step, t[0], None, _y_interval(t)) for step, t in triples if t and t[0] is not None]
            if len(points) > 1:
                chart.series.append(Series(run.name, style, points, band=True))
        charts += [chart] if chart.series else []
    return charts
