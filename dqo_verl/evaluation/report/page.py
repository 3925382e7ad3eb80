"""`dqo-verl report`: several runs -> one self-contained page and a markdown table."""

import hashlib
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from dqo_verl.errors import UserError
from dqo_verl.evaluation.metrics.options import Options
from dqo_verl.evaluation.metrics.table import METRICS
from dqo_verl.evaluation.report import panels
from dqo_verl.evaluation.report.charts import difference_bar, mark, svg
from dqo_verl.evaluation.report.comparison import Cell, answers, compare, headline
from dqo_verl.evaluation.report.runs import Run, Slice, benchmarks, differing_settings, load_run
from dqo_verl.evaluation.report.tables import classes_by, markdown, number, slice_name, with_interval
from dqo_verl.provenance import provenance

HERE = Path(__file__).parent
# They say where the judge is served, how many processes compute, and that bad rows are left out, which the page shows.
INDIFFERENT = {"judge_endpoint", "workers", "skip_bad"}
DECISIVE = [option.name for option in fields(Options) if option.name not in INDIFFERENT]
SAMPLED = ("max_tokens", "top_p", "min_p", "chat_template_kwargs")
KINDS = {"quality": "Quality", "diversity": "Diversity", "both": "Quality and diversity together", "size": "Length"}


def class_names(labels: list[int]) -> list[str]:
    """A, B, C, ... by size of the class (the largest is A), then by first appearance."""
    order = sorted(set(labels), key=lambda label: (-labels.count(label), labels.index(label)))
    names = {label: chr(65 + i) if i < 26 else f"Z{i - 25}" for i, label in enumerate(order)}
    return [names[label] for label in labels]


def side_by_side(chosen: list[Slice | None], count: int) -> list[dict[str, Any]]:
    """The same prompts in every run. Picked by hash of their id, not by result."""
    with_samples = [s for s in chosen if s]
    shared = set.intersection(*(set(s.prompts) for s in with_samples)) if with_samples else set()
    picked = sorted(shared, key=lambda i: hashlib.sha256(i.encode()).hexdigest())[:count]
    found = []
    for prompt_id in picked:
        columns = []
        for part in chosen:
            row = part.prompts[prompt_id] if part else None
            columns.append(row and _column(row))
        found.append({"prompt": with_samples[0].prompts[prompt_id]["prompt"], "columns": columns})
    return found


def _column(row: dict[str, Any]) -> dict[str, Any]:
    """The classes of a prompt's responses, largest first, and the strip of all responses in the order sampled."""
    names = class_names(row["classes"])
    members: dict[str, list[int]] = {name: [] for name in sorted(set(names), key=lambda name: (len(name), name))}
    for i, name in enumerate(names):
        members[name].append(i)
    classes = []
    for place, (name, own) in enumerate(members.items()):
        scores = [row["scores"][i] for i in own if row["scores"][i] is not None]
        about = f"\N{MULTIPLICATION SIGN}{len(own)}" + (
            f", reward {number(sum(scores) / len(scores))}" if scores else ""
        )
        about += f", {sum(row['good'][i] for i in own)} good" if row["good"] else ""
        classes.append({"name": name, "tint": place % 8, "about": about, "texts": [row["responses"][i] for i in own]})
    tints = {c["name"]: c["tint"] for c in classes}
    return {"strip": [(name, tints[name]) for name in names], "classes": classes}


def _reach(cells: list[Cell]) -> float:
    return max((abs(x) for cell in cells for x in cell.difference or () if x is not None), default=0.0)


def _how(part: Slice) -> str:
    """Which models stand behind the semantic metrics."""
    options = part.evaluation["options"]
    told = classes_by(options)
    if embedded := part.evaluation["notes"].get("embedder"):
        told += f", embeddings by {options['embedder']} ({embedded['texts cut']} of {embedded['texts']} texts cut)"
    return told + (f", judged by {options['judge']}" if options["judge"] else "")


def _comparable(runs: list[Run], per_run: list[list[Slice]]) -> None:
    """Diversity depends on n, and on who measures: refuse to put numbers side by side that differ in that."""
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


def _benchmark(runs: list[Run], per_run: list[list[Slice]], baseline: int, count: int) -> dict[str, Any]:
    _comparable(runs, per_run)
    chosen = headline(per_run)
    table = compare(chosen, baseline)
    prompts = [set(s.prompts) for s in chosen if s]
    first = next(s for s in chosen if s)
    return {
        "name": Path(first.source).name.removesuffix(".evaluation"),
        "where": [slice_name(s.summary) if s else "not evaluated" for s in chosen],
        "how": _how(first),
        "skipped": [
            f"{count} x {kind} in {run.name}"
            for run, s in zip(runs, chosen, strict=True)
            if s
            for kind, count in s.evaluation["skipped"].items()
        ],
        "prompts": len(set.intersection(*prompts)),
        "n": first.summary["n"],
        "table": table,
        "kinds": [(title, [m for m in table if METRICS[m].kind == kind]) for kind, title in KINDS.items()],
        "reach": {metric: _reach(cells) for metric, cells in table.items()},
        "answers": [None if i == baseline or not chosen[i] else answers(table, i) for i in range(len(runs))],
        "curves": panels.curves_over_k(runs, chosen),
        "trade_offs": panels.trade_offs(runs, per_run, chosen),
        "over_steps": panels.evaluated_over_steps(runs, per_run, chosen),
        "samples": side_by_side(chosen, count),
    }


def _markdown(title: str, runs: list[Run], baseline: int, found: list[dict[str, Any]], settings: Any) -> str:
    lines = [f"# {title}", ""]
    for one in found:
        lines += [
            f"## {one['name']}: {one['prompts']} shared prompts, {one['n']} responses each",
            "",
            f"{one['how']}.",
            "",
        ]
        header = ["metric (mean, 95 % interval)"]
        for i, run in enumerate(runs):
            header.append(f"{run.name} ({one['where'][i]})")
            header += [] if i == baseline else [f"{run.name} \N{MINUS SIGN} {runs[baseline].name}"]
        rows = []
        for metric, cells in one["table"].items():
            row = [METRICS[metric].label]
            for i, cell in enumerate(cells):
                row.append(with_interval(cell.value))
                if i != baseline:
                    told = with_interval(cell.difference, signed=True) if cell.difference else "\N{EN DASH}"
                    row.append(told + (f" {cell.verdict}" if cell.verdict in ("higher", "lower") else ""))
            rows.append(row)
        lines += [markdown(header, rows), ""]
    if settings:
        lines += [
            "## Settings that differ",
            "",
            markdown(["setting", *(r.name for r in runs)], [[n, *v] for n, v in settings]),
            "",
        ]
    return "\n".join(lines)


def write_report(
    arguments: Sequence[str], out: Path, baseline: str | None, title: str, samples: int
) -> tuple[Path, Path]:
    """Write `index.html` and `report.md` into `out`."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    runs = [load_run(argument) for argument in arguments]
    names = [run.name for run in runs]
    if len(set(names)) < len(names):
        raise UserError(f"two runs have the same name ({', '.join(names)}): write NAME=PATH")
    if baseline is not None and baseline not in names:
        raise UserError(f"--baseline {baseline!r} is none of the runs: {', '.join(names)}")
    base = names.index(baseline) if baseline else 0
    found = [_benchmark(runs, per_run, base, samples) for per_run in benchmarks(runs)]
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
    (out / "report.md").write_text(_markdown(title, runs, base, found, settings), encoding="utf-8")
    return out / "index.html", out / "report.md"
