"""`dqo-verl report`: several runs -> one self-contained page and a markdown table."""

import json
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

from dqo_verl.errors import UserError
from dqo_verl.evaluation.metrics.options import Options
from dqo_verl.evaluation.metrics.table import METRICS
from dqo_verl.evaluation.report import panels, samples
from dqo_verl.evaluation.report.charts import difference_bar, mark, svg
from dqo_verl.evaluation.report.comparison import Cell, asked_first, compare, headline, in_words
from dqo_verl.evaluation.report.runs import Run, Slice, benchmarks, differing_settings, load_run, named
from dqo_verl.evaluation.report.seeds import by_moment, one_run
from dqo_verl.evaluation.report.tables import (
    as_csv,
    as_latex,
    classes_by,
    markdown,
    number,
    slice_name,
    with_interval,
)
from dqo_verl.provenance import provenance

HERE = Path(__file__).parent
# Options that may differ between runs: judge server, number of processes, and skipped bad rows, which the page shows.
INDIFFERENT = {"judge_endpoint", "workers", "skip_bad"}
DECISIVE = [option.name for option in fields(Options) if option.name not in INDIFFERENT]
SAMPLED = ("max_tokens", "top_p", "min_p", "chat_template_kwargs")
KINDS = {"quality": "Quality", "both": "Quality and diversity together", "diversity": "Diversity", "size": "Length"}
# style of the first step of a single run; its last step has the style of the run
GREY = 7


class Column(NamedTuple):
    """A column of the table: a run at one step and temperature."""

    name: str
    style: int
    part: Slice | None


def _reach(cells: list[Cell]) -> float:
    return max((abs(x) for cell in cells for x in cell.difference or () if x is not None), default=0.0)


def _how(part: Slice) -> str:
    """The models that the semantic metrics come from."""
    options = part.evaluation["options"]
    told = classes_by(options)
    if embedded := part.evaluation["notes"].get("embedder"):
        told += f", embeddings by {options['embedder']} ({embedded['texts cut']} of {embedded['texts']} texts cut)"
    return told + (f", judged by {options['judge']}" if options["judge"] else "")


def _comparable(runs: list[Run], per_run: list[list[Slice]]) -> None:
    """Refuse runs that differ in n, in sampling or in the measuring models, because diversity depends on all of these."""
    seen: dict[str, tuple[Any, str]] = {}
    for run, part in ((run, part) for run, parts in zip(runs, per_run, strict=True) for part in parts):
        options = part.evaluation["options"]
        sampled = [(name, meta["settings"].get(name)) for meta in part.evaluation["sampling"] for name in SAMPLED]
        for name, value in [("n", part.summary["n"]), *((name, options.get(name)) for name in DECISIVE), *sampled]:
            first, where = seen.setdefault(name, (value, f"{run.name}, {part.source}"))
            if first != value:
                raise UserError(
                    f"{name} is {first!r} in {where} and {value!r} in {run.name}, {part.source}: the numbers cannot be "
                    "compared. Sample and evaluate all runs in the same way."
                )


def _columns(runs: list[Run], per_run: list[list[Slice]]) -> list[Column]:
    """One column per run; for a single run, its first and its last step."""
    chosen = headline(per_run)
    if len(runs) == 1 and chosen[0] and chosen[0].step is not None:
        last = chosen[0]
        first = min((s for s in per_run[0] if s.temperature == last.temperature), key=lambda s: s.step or 0)
        if first is not last:
            return [Column("first step", GREY, first), Column("last step", 0, last)]
    return [Column(run.name, style, part) for style, (run, part) in enumerate(zip(runs, chosen, strict=True))]


def _benchmark(runs: list[Run], per_run: list[list[Slice]], name: str, baseline: int, count: int) -> dict[str, Any]:
    _comparable(runs, per_run)
    per_run = [by_moment(parts) for parts in per_run]
    columns = _columns(runs, per_run)
    chosen = [column.part for column in columns]
    at_the_end = headline(per_run)
    table = compare(chosen, baseline)
    first = next(s for s in chosen if s)
    others = [i for i in range(len(columns)) if i != baseline and chosen[i]]
    names = [column.name for column in columns]
    looked_at = samples.by_hash(chosen, count)
    telling = [metric for metric in asked_first(table) if METRICS[metric].kind != "quality"][:1]
    apart = [i for metric in telling for i in samples.most_different(chosen, metric, count) if i not in looked_at]
    header, rows = _flat(columns, table, baseline)
    return {
        "name": name,
        "columns": columns,
        "base": baseline,
        "where": [slice_name(s.summary) if s else "not evaluated" for s in chosen],
        "how": _how(first),
        "skipped": [
            f"{count} x {kind} in {run.name}"
            for run, s in zip(runs, at_the_end, strict=True)
            if s
            for kind, count in s.evaluation["skipped"].items()
        ],
        "prompts": len(samples.shared_prompts(chosen)),
        "n": first.summary["n"],
        "in_words": [in_words(table, i, names[i], names[baseline]) for i in others],
        "table": table,
        "kinds": [(title, [m for m in table if METRICS[m].kind == kind]) for kind, title in KINDS.items()],
        "reach": {metric: _reach(cells) for metric, cells in table.items()},
        "answers": {i: [(metric, table[metric][i]) for metric in asked_first(table)] for i in others},
        "curves": panels.curves_over_k(runs, at_the_end),
        "trade_offs": panels.trade_offs(runs, per_run, at_the_end),
        "over_steps": panels.evaluated_over_steps(runs, per_run, at_the_end),
        "samples": samples.side_by_side(chosen, looked_at),
        "apart_by": METRICS[telling[0]].label if telling else "",
        "apart": samples.side_by_side(chosen, apart),
        "header": header,
        "rows": rows,
        "csv": as_csv(header, rows),
        "latex": as_latex(header, rows),
    }


def _flat(columns: list[Column], table: dict[str, list[Cell]], baseline: int) -> tuple[list[str], list[list[str]]]:
    """The table as text: values, and after each run its difference to the baseline."""
    header = ["metric (mean, 95 % interval)"]
    for i, column in enumerate(columns):
        where = f" ({slice_name(column.part.summary)})" if column.part else " (not evaluated)"
        header.append(column.name + where)
        header += [] if i == baseline else [f"{column.name} \N{MINUS SIGN} {columns[baseline].name}"]
    rows = []
    for metric, cells in table.items():
        row = [METRICS[metric].label]
        for i, cell in enumerate(cells):
            row.append(with_interval(cell.value))
            if i != baseline:
                told = with_interval(cell.difference, signed=True) if cell.difference else "\N{EN DASH}"
                row.append(told + (f" {cell.verdict}" if cell.verdict in ("higher", "lower") else ""))
        rows.append(row)
    return header, rows


def _markdown(title: str, runs: list[Run], found: list[dict[str, Any]], settings: Any) -> str:
    lines = [f"# {title}", ""]
    for one in found:
        lines += [f"## {one['name']}: {one['prompts']} prompts, {one['n']} responses each", ""]
        lines += [f"- {told}" for told in one["in_words"]]
        lines += ["", f"{one['how']}.", "", markdown(one["header"], one["rows"]), ""]
    if settings:
        rows = [[name, *values] for name, values in settings]
        lines += ["## Settings that differ", "", markdown(["setting", *(r.name for r in runs)], rows), ""]
    return "\n".join(lines)


def _summary(found: list[dict[str, Any]]) -> dict[str, Any]:
    """The comparisons for a program: values and differences as (mean, low, high)."""
    comparisons = []
    for one in found:
        metrics = {
            metric: {
                column.name: {"value": cell.value, "difference": cell.difference, "verdict": cell.verdict or None}
                for column, cell in zip(one["columns"], cells, strict=True)
            }
            for metric, cells in one["table"].items()
        }
        about = {name: one[name] for name in ("name", "in_words", "prompts", "n", "how")}
        comparisons.append(about | {"baseline": one["columns"][one["base"]].name, "metrics": metrics})
    return {"format": "dqo_verl report 1", "comparisons": comparisons}


def _load(arguments: Sequence[str]) -> list[Run]:
    """A name that is typed several times, `dqo=RUN1 dqo=RUN2`, is one method with several seeds."""
    members: dict[str, list[Run]] = {}
    for argument in arguments:
        run = load_run(argument)
        if run.name in members and named(argument)[0] is None:
            raise UserError(
                f"two runs have the same name, {run.name}: write NAME=PATH, with one name for several seeds of a method"
            )
        members.setdefault(run.name, []).append(run)
    return [one_run(own) for own in members.values()]


def write_report(
    arguments: Sequence[str], out: Path, baseline: str | None, title: str, samples: int
) -> tuple[Path, Path]:
    """Write `index.html`, `report.md` and `summary.json` into `out`."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    runs = _load(arguments)
    names = [run.name for run in runs]
    if baseline is not None and baseline not in names:
        raise UserError(f"--baseline {baseline!r} is not one of the runs: {', '.join(names)}")
    base = names.index(baseline) if baseline else 0
    per_benchmark = benchmarks(runs)
    titles = ["Answers"] if len(per_benchmark) == 1 else [f"Evaluation {i + 1}" for i in range(len(per_benchmark))]
    found = [_benchmark(runs, parts, name, base, samples) for name, parts in zip(titles, per_benchmark, strict=True)]
    settings = differing_settings(runs)

    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.globals |= {
        "svg": svg,
        "mark": mark,
        "bar": difference_bar,
        "number": number,
        "with_interval": with_interval,
        "METRICS": METRICS,
    }
    page = environment.get_template("page.html").render(
        title=title,
        style=(HERE / "page.css").read_text(),
        runs=runs,
        base=base,
        benchmarks=found,
        training=panels.training(runs),
        settings=settings,
        no_settings=[run.name for run in runs if not run.settings],
        made=provenance(),
    )
    out.mkdir(parents=True, exist_ok=True)
    (out / "index.html").write_text(page, encoding="utf-8")
    (out / "report.md").write_text(_markdown(title, runs, found, settings), encoding="utf-8")
    (out / "summary.json").write_text(
        json.dumps(_summary(found), indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    return out / "index.html", out / "report.md"
