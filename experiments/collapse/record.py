"""Writes one run of the demo as a small file: its metrics on held-out prompts at every validation.

    python -m experiments.collapse.record RUN FILE     RUN holds verl's log and validation dumps; FILE marks the run as finished

The validation dumps (10 responses per prompt, temperature 1) go through `dqo-verl evaluate`: classes are exact texts, so
`effective_classes` is the number of distinct correct answers among 10.
"""

import json
import sys
from pathlib import Path
from typing import Any

from dqo_verl.errors import plainly
from dqo_verl.evaluation.metrics.evaluate import evaluate
from dqo_verl.evaluation.metrics.options import Options
from dqo_verl.evaluation.report.runs import load_run

MEASURED = ("pass@1", "pass@n", "effective_classes", "classes", "cosine_distance", "logdet", "words")
LOGGED = {
    "actor/entropy": "entropy",
    "critic/score/mean": "training reward",
    "diversity/score/mean": "training diversity",
    "timing_s/step": "seconds",
}


def record(directory: Path, embedder: str) -> dict[str, Any]:
    """Curves `metric -> {step: value}`, the last pass@k curve, the command of the run, and provenance."""
    evaluate([directory / "validation"], directory / "evaluation", Options(embedder=embedder))
    run = load_run(str(directory))
    curves: dict[str, dict[Any, Any]] = {name: {part.step: part.mean(name) for part in run.slices} for name in MEASURED}
    curves |= {short: run.curves[name] for name, short in LOGGED.items() if name in run.curves}
    last = run.slices[-1]
    return {
        "curves": curves,
        "pass@k": [mean for mean, _, _ in last.summary["curves"]["pass@k"]],
        "prompts": last.summary["prompts"],
        "n": last.summary["n"],
        "command": (directory / "command.sh").read_text(),
        "provenance": last.evaluation["provenance"],
    }


def main(directory: Path, file: Path, embedder: str) -> None:
    found = record(directory, embedder)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(plainly("record", lambda: main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])))
