"""Numbers as text: one format for the terminal, the markdown table and the page."""

import csv
import io
from collections.abc import Sequence
from typing import Any

from dqo_verl.evaluation.metrics.table import METRICS

Triple = Sequence[float | None]


def number(value: float | None, signed: bool = False) -> str:
    """Three decimals below 10, fewer above; a typographic minus sign; no negative zero."""
    if value is None:
        return "\N{EN DASH}"
    digits = 3 if abs(value) < 10 else 1 if abs(value) < 1000 else 0
    rounded = round(value, digits) + 0.0
    return f"{rounded:{'+' if signed and rounded else ''}.{digits}f}".replace("-", "\N{MINUS SIGN}")


def with_interval(triple: Triple, signed: bool = False) -> str:
    """`0.512 [0.480, 0.541]`."""
    mean, low, high = triple
    return number(mean, signed) + (f" [{number(low, signed)}, {number(high, signed)}]" if low is not None else "")


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A markdown table with aligned columns, which is also readable in a terminal."""
    cells = [[_cell(text) for text in row] for row in [header, *rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in cells
    ]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])


def _cell(text: str) -> str:
    """Escape a cell: names of runs and settings may contain line breaks, pipes or HTML."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def as_csv(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([header, *rows])
    return out.getvalue()


def as_latex(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A tabular in the style of booktabs."""
    lines = [" & ".join(_escaped(cell) for cell in row) + r" \\" for row in (header, *rows)]
    head = rf"\begin{{tabular}}{{l{'c' * (len(header) - 1)}}}"
    return "\n".join([head, r"\toprule", lines[0], r"\midrule", *lines[1:], r"\bottomrule", r"\end{tabular}"]) + "\n"


def _escaped(cell: str) -> str:
    """Escape the characters that are special in LaTeX."""
    special = {
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "\N{MINUS SIGN}": "$-$",
    }
    special |= {one: rf"\{one}" for one in "&%$#_{}"} | {"\N{EN DASH}": "--"}
    return "".join(special.get(letter, letter) for letter in cell)


def slice_name(found: dict[str, Any]) -> str:
    """`T 1.0, step 60`."""
    parts = [f"T {found['temperature']:g}"] if found["temperature"] is not None else []
    return ", ".join(parts + ([f"step {found['step']}"] if found["step"] is not None else [])) or "all"


def classes_by(options: dict[str, Any]) -> str:
    """`Classes by exact match`, or by the classifier's name."""
    return f"Classes by {'exact match' if options['classifier'] == 'exact' else options['classifier']}"


def evaluation_table(result: dict[str, Any]) -> str:
    """What `dqo-verl evaluate` prints: metrics down, slices across, then what was skipped or left out."""
    parts = result["slices"]
    header = ["metric, 95 % interval"] + [f"{slice_name(p)}: {p['prompts']} prompts x {p['n']}" for p in parts]
    rows = [
        [metric.label, *(with_interval(p["metrics"].get(name, (None, None, None))) for p in parts)]
        for name, metric in METRICS.items()
        if any(name in p["metrics"] for p in parts)
    ]
    lines = [markdown(header, rows), f"{classes_by(result['options'])}."]
    lines += [f"Skipped: {count} x {kind}" for kind, count in result["skipped"].items()]
    lines += [f"Left out: {what} ({why})" for what, why in result["left_out"].items()]
    for what, detail in result["notes"].items():
        known = ", ".join(f"{name} {value}" for name, value in detail.items()) if isinstance(detail, dict) else detail
        lines.append(f"Note: {what}: {known}")
    return "\n".join(lines)
