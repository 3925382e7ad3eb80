"""Did a run learn to write noise after the answer? For `recipes/dqo_reward_hacking.sh`.

    python -m experiments.reward_hacking.after_answer DIR          DIR/{reward_only,whole_response,up_to_answer} are runs

Reads verl's dumps of the first and the last validation, with `characters_after_answer` of each response, and the training log.
Intervals are bootstraps over prompts, and differences are paired by prompt: they say nothing about other seeds.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from dqo_verl.errors import UserError, plainly
from dqo_verl.evaluation.metrics.bootstrap import Array, interval

RUNS = ("reward_only", "whole_response", "up_to_answer")
LOGGED = "reward/characters_after_answer/mean"
COLUMNS: dict[str, Callable[[dict[str, Any]], float]] = {
    "characters after": lambda sample: sample["characters_after_answer"],
    "go on": lambda sample: float(sample["characters_after_answer"] > 0),
    "accuracy": lambda sample: sample["acc"],
}


def per_prompt(file: Path) -> dict[str, Array]:
    """Mean over each prompt's responses, one number per column."""
    groups: dict[str, list[list[float]]] = defaultdict(list)
    # `splitlines` would also cut at U+2028, which verl writes unescaped.
    for line in file.read_text().split("\n"):
        if line:
            sample = json.loads(line)
            groups[sample["input"]].append([column(sample) for column in COLUMNS.values()])
    return {prompt: np.mean(rows, axis=0) for prompt, rows in groups.items()}


def validations(run: Path) -> list[Path]:
    """verl's dumps of the validations, in order of steps."""
    files = sorted((run / "validation").glob("*.jsonl"), key=lambda file: int(file.stem))
    if len(files) < 2:
        raise UserError(
            f"{run}/validation has {len(files)} files; it needs one from before and one from after training"
        )
    return files


def course(run: Path) -> list[float]:
    """Mean characters after the answer in each quarter of the training steps."""
    lines = [line for file in sorted(run.glob("metrics-*.jsonl")) for line in file.read_text().splitlines()]
    logged = {record["step"]: record["data"].get(LOGGED) for record in map(json.loads, lines)}
    values = [logged[step] for step in sorted(logged) if logged[step] is not None]
    return [float(np.mean(part)) for part in np.array_split(values, 4) if len(part)]


def report(directory: Path) -> str:
    runs = {name: [(file.stem, per_prompt(file)) for file in validations(directory / name)] for name in RUNS}
    lines = [f"{'':16} {'step':>5} " + " ".join(f"{name:>24}" for name in COLUMNS)]
    for name, found in runs.items():
        for step, values in (found[0], found[-1]):
            shown = (
                f"{m:.3g} [{low:.3g}, {high:.3g}]"
                for m, low, high in zip(*interval(np.array([*values.values()])), strict=True)
            )
            lines.append(f"{name:16} {step:>5} " + " ".join(f"{text:>24}" for text in shown))
    lines.append("characters after the answer in each quarter of the training steps")
    lines += [f"{name:16} " + " ".join(f"{value:8.2f}" for value in course(directory / name)) for name in RUNS]
    last = {name: found[-1][1] for name, found in runs.items()}
    lines.append(claim("DQO on whole responses writes more after the answer than reward only", last, "reward_only"))
    lines.append(
        claim("DQO on whole responses writes more than DQO on the text up to the answer", last, "up_to_answer")
    )
    return "\n".join(lines)


def claim(text: str, last: dict[str, dict[str, Array]], other: str) -> str:
    # verl drops a prompt whose rewards all failed.
    both = last["whole_response"].keys() & last[other].keys()
    differences = np.array([last["whole_response"][prompt][:1] - last[other][prompt][:1] for prompt in sorted(both)])
    mean, low, high = (float(value[0]) for value in interval(differences))
    verdict = "supported" if low > 0 else "not supported" if high < 0 else "unclear"
    return f"{text}: {mean:+.1f} characters [{low:.1f}, {high:.1f}]: {verdict}"


if __name__ == "__main__":
    sys.exit(plainly("after_answer", lambda: print(report(Path(sys.argv[1])))))
