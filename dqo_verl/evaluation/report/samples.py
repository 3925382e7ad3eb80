"""What the runs answered to one prompt, side by side: classes, and a map of the answers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dqo_verl.evaluation.report.runs import Slice
from dqo_verl.evaluation.report.tables import number
from dqo_verl.evaluation.rows import picked

# Number of tints; the classes of a column repeat them if there are more.
TINTS = 8
MAP, MARGIN = 150, 10


def class_names(labels: list[int]) -> list[str]:
    """A, B, C, ... by size of the class (the largest is A), then by first appearance."""
    order = sorted(set(labels), key=lambda label: (-labels.count(label), labels.index(label)))
    names = {label: chr(65 + i) if i < 26 else f"Z{i - 25}" for i, label in enumerate(order)}
    return [names[label] for label in labels]


def shared_prompts(chosen: Sequence[Slice | None]) -> list[str]:
    with_samples = [s for s in chosen if s]
    if not with_samples:
        return []
    return [i for i in with_samples[0].prompts if all(i in s.prompts for s in with_samples)]


def side_by_side(chosen: Sequence[Slice | None], prompt_ids: Sequence[str]) -> list[dict[str, Any]]:
    """One entry a prompt: its text, and a column for each run."""
    found = []
    for prompt_id in prompt_ids:
        rows = [part.prompts[prompt_id] if part else None for part in chosen]
        columns = [row and _column(row) for row in rows]
        for column, dots in zip(columns, _maps(rows), strict=True):
            if column:
                tints = [tint for _, tint in column["strip"]]
                column["map"] = [(x, y, tint) for (x, y), tint in zip(dots, tints, strict=False)]
        text = next(row["prompt"] for row in rows if row)
        found.append({"prompt": text, "columns": columns})
    return found


def by_hash(chosen: Sequence[Slice | None], count: int) -> list[str]:
    """Prompts that all runs have, picked by hash and not by result."""
    return picked(shared_prompts(chosen), count)


def most_different(chosen: Sequence[Slice | None], metric: str, count: int) -> list[str]:
    """The prompts at which the runs differ most in `metric`."""
    with_samples = [s for s in chosen if s]
    if len(with_samples) < 2:
        return []
    ids = shared_prompts(chosen)
    values = np.array([s.values(metric, ids) for s in with_samples])
    apart = values.max(axis=0) - values.min(axis=0) if ids else np.zeros(0)
    order = np.argsort(-apart, kind="stable")
    return [ids[i] for i in order if apart[i] > 0][:count]


def _column(row: dict[str, Any]) -> dict[str, Any]:
    """The classes of a prompt's responses, largest first, and the strip of all responses in the order sampled."""
    names = class_names(row["classes"])
    members: dict[str, list[int]] = {name: [] for name in sorted(set(names), key=lambda name: (len(name), name))}
    for i, name in enumerate(names):
        members[name].append(i)
    classes = []
    for place, (name, own) in enumerate(members.items()):
        scores = [row["scores"][i] for i in own if row["scores"][i] is not None]
        about = f"\N{MULTIPLICATION SIGN}{len(own)}"
        if row["good"]:
            good = sum(row["good"][i] for i in own)
            about += ", correct" if good == len(own) else ", wrong" if not good else f", {good} correct"
        elif scores:
            about += f", reward {number(sum(scores) / len(scores))}"
        texts = [row["responses"][i] for i in own]
        classes.append({"name": name, "tint": place % TINTS, "about": about, "texts": texts})
    tints = {c["name"]: c["tint"] for c in classes}
    return {"strip": [(name, tints[name]) for name in names], "classes": classes, "map": []}


def _maps(rows: Sequence[dict[str, Any] | None]) -> list[list[tuple[float, float]]]:
    """The responses of all runs on one map: their first two principal components. Empty lists if embeddings are missing."""
    vectors = [np.array(row["vectors"]) if row and row.get("vectors") else np.zeros((0, 0)) for row in rows]
    known = [v for v, row in zip(vectors, rows, strict=True) if row]
    if not known or not all(len(v) for v in known) or len({v.shape[1] for v in known}) > 1:
        return [[] for _ in rows]
    places = _components(np.concatenate(known))
    found, start = [], 0
    for own in vectors:
        found.append([(float(x), float(y)) for x, y in places[start : start + len(own)]])
        start += len(own)
    return found


def _components(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """`(m, d)` -> `(m, 2)`, in pixels of a map with the same scale on both axes."""
    centred = vectors - vectors.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    flat = np.zeros((len(vectors), 2))
    flat[:, : len(axes[:2])] = centred @ axes[:2].T
    reach = np.abs(flat).max() or 1.0
    pixels: NDArray[np.float64] = MAP / 2 + flat / reach * (MAP / 2 - MARGIN)
    return pixels
