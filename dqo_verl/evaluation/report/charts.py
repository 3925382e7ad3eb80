"""Line and scatter charts as inline SVG: no script, no font, no network; colours come from the page's style sheet."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from html import escape
from math import floor, isfinite, log10

WIDTH, HEIGHT = 380, 250
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 12, 34
# values closer than this are equal up to rounding: metrics are shares and means
ROUNDING = 1e-9
MARKS = ("circle", "square", "diamond", "up", "down", "bar")


@dataclass
class Point:
    """A point; `low`/`high` are intervals in x and y, `label` is printed beside it."""

    x: float
    y: float
    x_interval: tuple[float, float] | None = None
    y_interval: tuple[float, float] | None = None
    label: str = ""


@dataclass
class Series:
    """The points of one run; `style` picks colour and mark."""

    name: str
    style: int
    points: list[Point]
    # Whether the intervals of y are drawn as a band, not as whiskers.
    band: bool = False
    marks: bool = True
    faint: bool = False


@dataclass
class Chart:
    """A chart: its title, axes and series."""

    title: str
    x: str
    y: str = ""
    series: list[Series] = field(default_factory=list)
    log_x: bool = False
    # The ends of the metric's natural range, which the y axis includes.
    y_range: tuple[float | None, float | None] = (None, None)
    width: int = WIDTH
    height: int = HEIGHT
    # Whether the Pareto front of all points is drawn; more is better in x and y.
    front: bool = False


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers from below `low` to above `high`; values that differ only by rounding count as one."""
    size = max(abs(low), abs(high))
    if high - low <= ROUNDING * max(size, 1.0):
        middle = (low + high) / 2 if size > 1000 * ROUNDING else 0.0
        low, high = middle - (abs(middle) or 1.0) / 2, middle + (abs(middle) or 1.0) / 2
    raw = (high - low) / about
    power = 10 ** floor(log10(raw))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= raw * 0.999)
    first, last = floor(low / step + 1e-9), -floor(-high / step + 1e-9)
    # as many digits as the step has, and three more
    digits = max(0, 3 - floor(log10(step)))
    return [round(i * step, digits) for i in range(int(first), int(last) + 1)]


def _text(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:g}"


def mark(style: int, x: float, y: float, size: float = 4.0, title: str = "") -> str:
    """The mark of a run. Its shape depends on `style`, because colour must not be the only difference."""
    kind = MARKS[style % len(MARKS)]
    s = size
    tip = f"<title>{escape(title)}</title>" if title else ""
    css = f'class="m c{style % 8}"'
    if kind == "circle":
        return f'<circle {css} cx="{x:.1f}" cy="{y:.1f}" r="{s:.1f}">{tip}</circle>'
    shapes = {
        "square": [(-s, -s), (s, -s), (s, s), (-s, s)],
        "diamond": [(0, -1.35 * s), (1.35 * s, 0), (0, 1.35 * s), (-1.35 * s, 0)],
        "up": [(0, -1.3 * s), (1.2 * s, 0.9 * s), (-1.2 * s, 0.9 * s)],
        "down": [(0, 1.3 * s), (1.2 * s, -0.9 * s), (-1.2 * s, -0.9 * s)],
        "bar": [(-s / 2, -1.4 * s), (s / 2, -1.4 * s), (s / 2, 1.4 * s), (-s / 2, 1.4 * s)],
    }
    corners = " ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in shapes[kind])
    return f'<polygon {css} points="{corners}">{tip}</polygon>'


class _Scale:
    """Data -> pixels along one axis, with its ticks."""

    def __init__(self, values: Sequence[float], start: float, end: float, log: bool = False) -> None:
        self.log = log
        self.start = start
        self.end = end
        if log:
            self.ticks = [2.0**i for i in range(int(max(values)).bit_length()) if 2**i <= max(values)]
            self.low, self.high = log10(min(values)), log10(max(values))
            if self.low == self.high:
                self.high = self.low + 1.0
        else:
            self.ticks = ticks(min(values), max(values))
            self.low, self.high = self.ticks[0], self.ticks[-1]

    def __call__(self, value: float) -> float:
        place = ((log10(value) if self.log else value) - self.low) / (self.high - self.low)
        return self.start + place * (self.end - self.start)


def _values(chart: Chart, axis: str) -> list[float]:
    found = [end for end in chart.y_range if axis == "y" and end is not None]
    for point in (p for s in chart.series for p in s.points):
        found += [getattr(point, axis), *(getattr(point, f"{axis}_interval") or ())]
    return [value for value in found if isfinite(value)] or [0.0, 1.0]


def _series(series: Series, x: _Scale, y: _Scale, chart: Chart) -> str:
    css = f"c{series.style % 8}"
    parts = []
    points = series.points
    if series.band and all(p.y_interval for p in points) and len(points) > 1:
        upper = [f"{x(p.x):.1f},{y(p.y_interval[1]):.1f}" for p in points if p.y_interval]
        lower = [f"{x(p.x):.1f},{y(p.y_interval[0]):.1f}" for p in reversed(points) if p.y_interval]
        parts.append(f'<polygon class="band {css}" points="{" ".join(upper + lower)}"/>')
    if len(points) > 1:
        path = " ".join(f"{x(p.x):.1f},{y(p.y):.1f}" for p in points)
        dashes = "faint" if series.faint else f"d{series.style % 4}"
        parts.append(f'<polyline class="line {css} {dashes}" points="{path}"/>')
    for p in points:
        if p.x_interval:
            low, high = map(x, p.x_interval)
            parts.append(f'<path class="whisker {css}" d="M{low:.1f} {y(p.y):.1f}H{high:.1f}"/>')
        if p.y_interval and not series.band:
            low, high = map(y, p.y_interval)
            parts.append(f'<path class="whisker {css}" d="M{x(p.x):.1f} {low:.1f}V{high:.1f}"/>')
        if series.marks or len(points) == 1:
            told = f"{series.name}: {chart.x} {_text(p.x)}, {chart.y or chart.title} {p.y:.4g}"
            parts.append(mark(series.style, x(p.x), y(p.y), title=told + (f" ({p.label})" if p.label else "")))
        if p.label:
            # beside the mark, on the side with enough room
            right = x(p.x) > 0.75 * chart.width
            place = f'class="label{" end" if right else ""}" x="{x(p.x) + (-8 if right else 8):.1f}"'
            parts.append(f'<text {place} y="{y(p.y) - 7:.1f}">{escape(p.label)}</text>')
    return "".join(parts)


def pareto_front(points: Sequence[Point]) -> list[Point]:
    """Points that no other point beats in both x and y, from right to left."""
    front: list[Point] = []
    for point in sorted(points, key=lambda p: (-p.x, -p.y)):
        if not front or point.y > front[-1].y:
            front.append(point)
    return front


def _front(chart: Chart, x: _Scale, y: _Scale) -> str:
    """The Pareto front as a staircase; all points below it are dominated."""
    path = ""
    last = None
    if not chart.series:
        return ""
    for p in pareto_front([p for s in chart.series for p in s.points]):
        path += f"M{x(p.x):.1f} {chart.height - BOTTOM}V{y(p.y):.1f}" if last is None else f"H{x(p.x):.1f}V{y(p.y):.1f}"
        last = p
    return f'<path class="front" d="{path}H{LEFT}"/>'


def svg(chart: Chart) -> str:
    """The chart with axes, grid and a description for screen readers. Points without finite coordinates are left out."""
    known = [replace(s, points=[p for p in s.points if isfinite(p.x) and isfinite(p.y)]) for s in chart.series]
    chart = replace(chart, series=[series for series in known if series.points])
    x = _Scale(_values(chart, "x"), LEFT, chart.width - RIGHT, chart.log_x)
    y = _Scale(_values(chart, "y"), chart.height - BOTTOM, TOP)
    names = ", ".join(dict.fromkeys(series.name for series in chart.series))
    parts = [
        f'<svg viewBox="0 0 {chart.width} {chart.height}" role="img" aria-label="{escape(chart.title)}: {escape(names)}">'
    ]
    for tick in y.ticks:
        parts.append(f'<path class="grid" d="M{LEFT} {y(tick):.1f}H{chart.width - RIGHT}"/>')
        parts.append(f'<text class="tick end" x="{LEFT - 6}" y="{y(tick) + 3.5:.1f}">{_text(tick)}</text>')
    for tick in x.ticks:
        parts.append(f'<text class="tick mid" x="{x(tick):.1f}" y="{chart.height - BOTTOM + 15}">{_text(tick)}</text>')
    parts.append(f'<path class="axis" d="M{LEFT} {chart.height - BOTTOM}H{chart.width - RIGHT}"/>')
    parts.append(
        f'<text class="name mid" x="{(LEFT + chart.width - RIGHT) / 2}" y="{chart.height - 3}">{escape(chart.x)}</text>'
    )
    parts += [_front(chart, x, y)] if chart.front else []
    parts += [_series(series, x, y, chart) for series in chart.series]
    return "".join([*parts, "</svg>"])


def difference_bar(triple: Sequence[float | None], reach: float, style: int) -> str:
    """A small bar with the interval of a difference around a zero line; `reach` is the same for a whole table row."""
    mean, low, high = triple
    if mean is None or low is None or high is None or not reach:
        return ""
    x = [60 + 54 * value / reach for value in (low, mean, high)]
    return (
        '<svg class="bar" viewBox="0 0 120 14" aria-hidden="true"><path class="zero" d="M60 0V14"/>'
        f'<path class="reach c{style % 8}" d="M{x[0]:.1f} 7H{x[2]:.1f}"/>{mark(style, x[1], 7, 3.6)}</svg>'
    )
