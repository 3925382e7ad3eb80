"""Charts side by side with a legend, as one SVG file for a document, in light and dark like the report's page."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from dqo_verl.evaluation.report.charts import HEIGHT, WIDTH, Chart, mark, svg

STYLE = Path(__file__).with_name("page.css")
# Heights in pixels of a chart's title and of a line of the legend.
HEAD = 24
LINE = 18
# Pixels between charts.
GAP = 14
# Widths in pixels of a mark of the legend, with the space around it, and of a letter.
MARK = 44
LETTER = 7


def figure(charts: Sequence[Chart], columns: int = 2) -> str:
    """The charts in rows, and below them the marks of all runs with their names."""
    width = columns * (WIDTH + GAP)
    rows = -(-len(charts) // columns)
    names = {series.name: series.style for chart in charts for series in chart.series}
    entry = MARK + LETTER * max(map(len, names), default=0)
    per_line = max(1, width // entry)
    height = rows * (HEIGHT + HEAD + GAP) + LINE * -(-len(names) // per_line) + 8
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}">',
        f"<style>{STYLE.read_text()} .title {{ font-weight: 600 }}</style>",
    ]
    for place, chart in enumerate(charts):
        x, y = (place % columns) * (WIDTH + GAP), (place // columns) * (HEIGHT + HEAD + GAP)
        parts.append(f'<text class="title" x="{x + 6}" y="{y + 15}">{escape(chart.title)}</text>')
        drawn = svg(chart)
        inside = drawn[drawn.index(">") + 1 : -len("</svg>")]
        parts.append(f'<g transform="translate({x} {y + HEAD})">{inside}</g>')
    top = rows * (HEIGHT + HEAD + GAP) + 8
    for place, (name, style) in enumerate(names.items()):
        x, y = 12 + (place % per_line) * entry, top + (place // per_line) * LINE
        line = f'<path class="line c{style % 8} d{style % 4}" d="M{x - 8} {y}H{x + 22}"/>'
        parts.append(f'{line}{mark(style, x + 7, y)}<text x="{x + 30}" y="{y + 4}">{escape(name)}</text>')
    return "".join([*parts, "</svg>\n"])
