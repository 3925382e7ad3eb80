"""Draws the picture of the README from the published records: docs/hero_light.svg and docs/hero_dark.svg.

python -m experiments.collapse.hero
"""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from experiments.collapse.seeds import read

ROOT = Path(__file__).parents[2]
RECORDS = ROOT / "experiments/collapse/evidence/sums"
ROWS = {"grpo": "GRPO", "darling": "DARLING", "dqo": "DQO"}
WIDTH, HEIGHT, LEFT, TOP, BOTTOM, PLOT = 880, 330, 34, 62, 58, 280


class Panel(NamedTuple):
    title: str
    metric: str
    low: float
    high: float
    ticks: Sequence[float]
    digits: int


class Theme(NamedTuple):
    ink: str
    soft: str
    grid: str
    rows: dict[str, str]


PANELS = (
    Panel("Distinct correct answers in 10 tries", "effective_classes", 0, 7, (0, 2, 4, 6), 1),
    Panel("How often the first try is correct", "pass@1", 0.5, 1, (0.5, 0.6, 0.7, 0.8, 0.9, 1), 2),
)
THEMES = {
    "light": Theme("#1b1f24", "#59636e", "#e6e8eb", {"grpo": "#6e7781", "darling": "#007d5a", "dqo": "#d55e00"}),
    "dark": Theme("#e8eaed", "#9aa4af", "#30363d", {"grpo": "#9aa4af", "darling": "#35c69a", "dqo": "#ff8f4d"}),
}


def curve(runs: Sequence[dict[str, float]]) -> list[tuple[int, float, float, float]]:
    """(step, mean, lowest, highest) over seeds."""
    steps = sorted(map(int, runs[0]))
    at = [(step, [run[str(step)] for run in runs]) for step in steps]
    return [(step, sum(values) / len(values), min(values), max(values)) for step, values in at]


def draw(theme: Theme) -> str:
    seeds = read(RECORDS)
    shown = {row: [runs[row]["curves"] for runs in seeds.values() if row in runs] for row in ROWS}
    numbers = {len(runs) for runs in shown.values()}
    assert len(numbers) == 1, numbers
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" role="img" '
        'aria-label="GRPO loses its distinct answers over training; DQO and DARLING keep them">',
        "<style>text { font: 13px system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif; "
        f"fill: {theme.soft} }} .b {{ font-weight: 650; fill: {theme.ink} }} .t {{ font-size: 16px }} .s {{ font-size: 12px }}</style>",
    ]
    for place, panel in enumerate(PANELS):
        left = LEFT + place * WIDTH / 2
        parts += _panel(
            panel, left, theme, {row: curve([run[panel.metric] for run in runs]) for row, runs in shown.items()}
        )
    (count,) = numbers
    parts.append(
        f'<text class="s" x="{LEFT}" y="{HEIGHT - 8}">verl\'s own engine (Ray, FSDP, vLLM) with a toy policy of 0.5 million parameters; '
        f"twelve answers are correct; mean and range of {count} seeds</text></svg>\n"
    )
    return "\n".join(parts)


def _panel(
    panel: Panel, left: float, theme: Theme, curves: dict[str, list[tuple[int, float, float, float]]]
) -> list[str]:
    bottom = HEIGHT - BOTTOM
    last = max(step for one in curves.values() for step, *_ in one)

    def x(step: float) -> float:
        return left + PLOT * step / last

    def y(value: float) -> float:
        return bottom - (bottom - TOP) * (value - panel.low) / (panel.high - panel.low)

    parts = [f'<text class="b t" x="{left}" y="28">{panel.title}</text>']
    for tick in panel.ticks:
        parts.append(f'<path d="M{left} {y(tick):.1f}H{left + PLOT}" stroke="{theme.grid}"/>')
        parts.append(f'<text x="{left - 8}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:g}</text>')
    for step, *_ in next(iter(curves.values())):
        parts.append(f'<text x="{x(step):.1f}" y="{bottom + 20}" text-anchor="middle">{step}</text>')
    parts.append(f'<text x="{left + PLOT + 22}" y="{bottom + 20}">steps</text>')
    for row, points in curves.items():
        colour = theme.rows[row]
        band = [(x(s), y(high)) for s, _, _, high in points] + [(x(s), y(low)) for s, _, low, _ in reversed(points)]
        parts.append(f'<polygon fill="{colour}" opacity="0.12" points="{_joined(band)}"/>')
        line = _joined([(x(s), y(mean)) for s, mean, _, _ in points])
        parts.append(
            f'<polyline fill="none" stroke="{colour}" stroke-width="3" stroke-linejoin="round" points="{line}"/>'
        )
    for place, (row, value) in zip(
        _apart([y(one[-1][1]) for one in curves.values()]), ((r, c[-1][1]) for r, c in curves.items()), strict=True
    ):
        label = f"{ROWS[row]} {value:.{panel.digits}f}"
        parts.append(
            f'<text x="{left + PLOT + 8}" y="{place + 5:.1f}" style="font-weight: 650; fill: {theme.rows[row]}">{label}</text>'
        )
    return parts


def _joined(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _apart(places: Sequence[float], room: float = 17.0) -> list[float]:
    """Move labels down so that none covers another."""
    moved = list(places)
    order = sorted(range(len(moved)), key=lambda i: moved[i])
    for above, below in pairwise(order):
        moved[below] = max(moved[below], moved[above] + room)
    return moved


if __name__ == "__main__":
    for name, theme in THEMES.items():
        (ROOT / f"docs/hero_{name}.svg").write_text(draw(theme))
