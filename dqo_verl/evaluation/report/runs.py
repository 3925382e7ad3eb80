"""Reads what a run wrote: verl's logs (file or tensorboard), evaluations, settings (hydra), versions."""

import json
import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dqo_verl.errors import UserError, opening
from dqo_verl.evaluation.files import name_of
from dqo_verl.evaluation.metrics.evaluate import FORMAT, digest

Curve = dict[int, float]
PRUNED = ("global_step_", ".git", "merged_for_sampling")


@dataclass
class Slice:
    """One (temperature, step) of one evaluation: its summary and its prompts by id."""

    summary: dict[str, Any]
    prompts: dict[str, dict[str, Any]]
    source: str
    # The whole metrics.json.
    evaluation: dict[str, Any]
    # When metrics.json was written, and the number of the run among the seeds of one method.
    written: float = 0.0
    seed: int = 0
    # With several seeds: the slice of each seed.
    seeds: list["Slice"] = field(default_factory=list)

    @property
    def temperature(self) -> float | None:
        return self.summary["temperature"]  # type: ignore[no-any-return]

    @property
    def step(self) -> int | None:
        return self.summary["step"]  # type: ignore[no-any-return]

    def mean(self, metric: str) -> float | None:
        return (self.summary["metrics"].get(metric) or [None])[0]  # type: ignore[no-any-return]

    def values(self, metric: str, ids: list[str]) -> NDArray[np.float64]:
        return np.array([self.prompts[i]["values"].get(metric, np.nan) for i in ids], dtype=np.float64)


@dataclass
class Run:
    """A named run with everything that was found in its folder."""

    name: str
    path: Path
    curves: dict[str, Curve] = field(default_factory=lambda: defaultdict(dict))
    slices: list[Slice] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)
    provenance: dict[str, dict[str, Any]] = field(default_factory=dict)
    # Number of seeds, and the lowest and highest value of their curves at each step.
    seeds: int = 1
    spread: dict[str, dict[int, tuple[float, float]]] = field(default_factory=dict)


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith(PRUNED))
        yield from (Path(folder) / name for name in sorted(names))


def _read_file_log(file: Path, curves: dict[str, Curve]) -> None:
    """verl's file logger: `{"step": 1, "data": {"critic/score/mean": 0.5, ...}}` a line."""
    with opening(file), file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if number == 1 and '"data"' not in line:
                return
            try:
                row = json.loads(line)
                step, data = int(row["step"]), row["data"].items()
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                # The last line is incomplete if the run was killed or is still writing it.
                if number == 1 or not line.endswith("\n"):
                    return
                raise UserError(f"{file}:{number}: not a line of verl's file logger: {error}") from error
            for name, value in data:
                if isinstance(value, (int, float)):
                    curves[name][step] = float(value)


def _read_tensorboard(file: Path, curves: dict[str, Curve]) -> None:
    from tensorboard.backend.event_processing import event_accumulator  # type: ignore[import-untyped,unused-ignore]

    events = event_accumulator.EventAccumulator(str(file), size_guidance={event_accumulator.SCALARS: 0}).Reload()
    for name in events.Tags()["scalars"]:
        for event in events.Scalars(name):
            curves[name][event.step] = event.value


def _flat(value: Any, prefix: str = "") -> dict[str, str]:
    if not isinstance(value, dict) or not value:
        return {prefix.rstrip("."): json.dumps(value, default=str).strip('"')}
    return {k: v for key, inner in value.items() for k, v in _flat(inner, f"{prefix}{key}.").items()}


def _read_evaluation(file: Path, run: Run) -> None:
    found = json.loads(file.read_text())
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        return
    prompts: dict[tuple[Any, Any], dict[str, Any]] = defaultdict(dict)
    beside = file.parent / "prompts.jsonl"
    with opening(beside), beside.open(encoding="utf-8", newline="\n") as file_of_rows:
        lines = list(file_of_rows)
    # evaluations by older versions have no digest
    if found.get("prompts", digest(lines)) != digest(lines):
        raise UserError(f"{beside} does not match {file}, because the evaluation was interrupted. Run it again.")
    for line in lines:
        row = json.loads(line)
        prompts[row["temperature"], row["step"]][row["prompt_id"]] = row
    source = str(file.parent.relative_to(run.path)) if run.path.is_dir() else "."
    source = file.parent.name if source == "." else source
    written = file.stat().st_mtime
    run.slices += [Slice(s, prompts[s["temperature"], s["step"]], source, found, written) for s in found["slices"]]
    run.provenance[f"evaluation {source}"] = found["provenance"]
    for meta in found["sampling"]:
        run.provenance[f"sampling of {source}"] = meta["provenance"]


def named(argument: str) -> tuple[str | None, Path]:
    """`NAME=PATH` or `PATH`, which may have an equals sign."""
    if Path(argument).exists():
        return None, Path(argument)
    name, equals, rest = argument.partition("=")
    return (name, Path(rest)) if equals else (None, Path(argument))


def load_run(argument: str) -> Run:
    """Load a run from a folder, which is searched except for its checkpoints, or from a single file."""
    name, path = named(argument)
    if not path.exists():
        raise UserError(f"{path}: no such file or folder")
    run = Run(name or name_of(path.resolve()), path)
    for file in _files(path):
        if file.name == "metrics.json":
            _read_evaluation(file, run)
        elif file.name == "provenance.json":
            run.provenance["training"] = json.loads(file.read_text())
        elif file.suffix == ".jsonl":
            _read_file_log(file, run.curves)
        elif file.name.startswith("events.out.tfevents"):
            _read_tensorboard(file, run.curves)
        elif file.name == "config.yaml" and file.parent.name == ".hydra":
            import yaml  # type: ignore[import-untyped,unused-ignore]

            run.settings |= _flat(yaml.safe_load(file.read_text()))
    if not run.curves and not run.slices:
        raise UserError(
            f"{path} contains neither a log of verl (file or tensorboard logger) nor an evaluation (metrics.json)"
        )
    run.slices.sort(key=lambda s: (s.step or 0, s.temperature or 0))
    return run


def differing_settings(runs: list[Run]) -> list[tuple[str, list[str]]]:
    """Settings that differ between the runs that recorded settings."""
    names = sorted({name for run in runs for name in run.settings})
    rows = [(name, [run.settings.get(name, "\N{EN DASH}") for run in runs]) for name in names]
    recorded = [i for i, run in enumerate(runs) if run.settings]
    return [(name, values) for name, values in rows if len({values[i] for i in recorded}) > 1]


def benchmarks(runs: list[Run]) -> list[list[list[Slice]]]:
    """Slices that share at least half of their prompts belong to one benchmark: `[benchmark][run] -> slices`."""
    found: list[tuple[set[str], list[list[Slice]]]] = []
    for place, run in enumerate(runs):
        for part in run.slices:
            ids = set(part.prompts)
            own = next((b for b in found if 2 * len(b[0] & ids) >= len(b[0] | ids)), None)
            if own is None:
                own = (ids, [[] for _ in runs])
                found.append(own)
            own[1][place].append(part)
    return [parts for _, parts in found]
