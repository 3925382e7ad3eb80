"""One evaluation: groups in, `metrics.json` (with intervals) and `prompts.jsonl` (every prompt's values) out."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from hashlib import sha256
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dqo_verl.errors import UserError
from dqo_verl.evaluation.bad_data import Problems
from dqo_verl.evaluation.files import files_of, meta_of
from dqo_verl.evaluation.metrics import quality, reward_model, scoring
from dqo_verl.evaluation.metrics.bootstrap import RESAMPLES, SEED, interval
from dqo_verl.evaluation.metrics.options import Options
from dqo_verl.evaluation.metrics.table import METRICS
from dqo_verl.evaluation.metrics.values import Measured, Values, measure
from dqo_verl.evaluation.rows import Group, picked, read_groups, same_size, slices
from dqo_verl.loading import load
from dqo_verl.provenance import provenance
from dqo_verl.results import written

FORMAT = "dqo_verl evaluation 1"
WRITTEN = ("prompt_id", "prompt", "temperature", "step", "responses", "scores")
# Number of prompts whose embeddings are kept for the maps of the report; all embeddings would be larger than the texts.
MAPPED = 24


def evaluate(inputs: Sequence[Path], out: Path, options: Options) -> dict[str, Any]:
    """Read, compute, and write into the folder `out`; returns the content of `metrics.json`."""
    scored_by = [option for option in ("score_with", "reward_model", "score_field") if getattr(options, option)]
    if len(scored_by) > 1:
        flags = " and ".join(f"--{option.replace('_', '-')}" for option in scored_by)
        raise UserError(f"{flags}: a response has only one score, so choose one of them")
    problems = Problems(options.skip_bad)
    parts = [
        same_size(part, problems)
        for part in slices(read_groups(inputs, problems, score_field=options.score_field)).values()
    ]
    groups = [group for part in parts for group in part]
    if options.reward_model:
        groups = reward_model.score_groups(groups, options.reward_model, problems)
    if options.score_with:
        groups = scoring.score_groups(groups, load(options.score_with, f"--score-with {options.score_with}"), problems)
    groups = _scored_or_not(groups, problems)
    problems.settle()
    if not groups:
        raise UserError("nothing is left to evaluate: " + "; ".join(problems.found[:3]))
    out.mkdir(parents=True, exist_ok=True)
    found = measure(groups, options, out)

    result: dict[str, Any] = {
        "format": FORMAT,
        "inputs": [str(path) for path in inputs],
        "options": asdict(options),
        "bootstrap": {"resamples": RESAMPLES, "seed": SEED, "over": "prompts", "level": 0.95},
        "skipped": dict(problems.counts),
        "left_out": found.left_out,
        "notes": found.notes,
        "sampling": [
            json.loads(meta_of(file).read_text())
            for path in inputs
            for file in files_of(path)
            if meta_of(file).is_file()
        ],
        "provenance": provenance(),
        "slices": [],
    }
    vectors = _kept_vectors(groups, found)
    lines = [
        json.dumps(
            {name: getattr(group, name) for name in WRITTEN}
            | {"good": good, "classes": labels, "values": {k: v for k, v in own.items() if v == v}}
            | ({"vectors": vectors[i]} if i in vectors else {}),
            ensure_ascii=False,
        )
        + "\n"
        for i, (group, good, labels, own) in enumerate(zip(groups, found.good, found.labels, found.values, strict=True))
    ]
    result["prompts"] = digest(lines)
    place = {id(group): i for i, group in enumerate(groups)}
    for (temperature, step), part in slices(groups).items():
        rows = [place[id(group)] for group in part]
        summary = {"temperature": temperature, "step": step, "prompts": len(part), "n": len(part[0].responses)}
        summary |= summarise(part, [found.values[i] for i in rows], [found.good[i] for i in rows])
        result["slices"].append(summary)
    # Each file appears complete. If the process is killed between the two, `report` sees that they do not match.
    with written(out / "metrics.json") as summary_file, written(out / "prompts.jsonl") as prompts_file:
        prompts_file.writelines(lines)
        summary_file.write(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    return result


def _kept_vectors(groups: list[Group], found: Measured) -> dict[int, list[list[float]]]:
    """Index of a group -> the embeddings of its responses, rounded to three decimals."""
    if found.embeddings is None:
        return {}
    kept = set(picked({group.prompt_id for group in groups}, MAPPED))
    rows = {i: found.embeddings[i].tolist() for i, group in enumerate(groups) if group.prompt_id in kept}
    return {i: [[round(x, 3) for x in vector] for vector in own] for i, own in rows.items()}


def digest(lines: Iterable[str]) -> str:
    """The hash by which `metrics.json` names the rows that it was computed from."""
    found = sha256()
    for line in lines:
        found.update(line.encode())
    return found.hexdigest()


def _scored_or_not(groups: list[Group], problems: Problems) -> list[Group]:
    """All groups if no response has a score, else the groups with finite scores only; the others are problems."""
    for group in groups:
        if bad := sum(score is not None and not isfinite(score) for score in group.scores):
            problems.add(group.where, "non-finite score", f"{bad} of {len(group.scores)} responses")
    groups = [group for group in groups if all(score is None or isfinite(score) for score in group.scores)]
    with_scores = [group for group in groups if None not in group.scores]
    if not any(score is not None for group in groups for score in group.scores):
        return groups
    for group in groups:
        if None in group.scores:
            problems.add(group.where, "missing score", f"{group.scores.count(None)} of {len(group.scores)} responses")
    return with_scores


def matrix(values: Values, names: list[str]) -> NDArray[np.float64]:
    """`(prompts, metrics)`, NaN where a metric is not defined for a prompt."""
    return np.array([[own.get(name, np.nan) for name in names] for own in values], dtype=np.float64).reshape(
        -1, len(names)
    )


def _triples(table: NDArray[np.float64]) -> list[list[float | None]]:
    return [[None if np.isnan(x) else float(x) for x in triple] for triple in zip(*interval(table), strict=True)]


def summarise(groups: list[Group], values: Values, good: list[list[bool] | None]) -> dict[str, Any]:
    """Mean and interval of every metric, and of the pass@k and best-of-k curves for k = 1..n."""
    names = [name for name in METRICS if not all(np.isnan(own.get(name, np.nan)) for own in values)]
    curves: dict[str, Any] = {}
    if None not in good:
        curves["pass@k"] = _triples(quality.pass_at_k(np.array(good, dtype=np.float64)))
    if all(None not in group.scores for group in groups):
        curves["best_of_k"] = _triples(
            quality.best_of_k(np.array([group.scores for group in groups], dtype=np.float64))
        )
    return {"metrics": dict(zip(names, _triples(matrix(values, names)), strict=True)), "curves": curves}
