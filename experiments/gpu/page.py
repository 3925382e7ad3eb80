"""Writes the results of recipes/gpu_check.sh as one JSON file and one page, to attach to an issue.

python -m experiments.gpu.page DIR           reads DIR/NAME.status, DIR/NAME.log and DIR/runs/NAME, writes DIR/gpu_check.json and .md
"""

import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from dqo_verl.evaluation.report.tables import markdown
from dqo_verl.provenance import provenance

# parts of a step, in seconds; the first two steps are warm-up
TIMES = ("step", "gen", "update_actor", "diversity", "diversity_work")
WARM_UP = 2
SHOWN = {
    "critic/score/mean": "reward",
    "diversity/score/mean": "diversity",
    "diversity/streamed/frac": "streamed",
    "perf/max_memory_allocated_gb": "GB allocated",
}
LAST_LINES = 30


def steps_of(run: Path) -> list[dict[str, float]]:
    found = [json.loads(line) for file in sorted(run.glob("metrics-*.jsonl")) for line in file.read_text().splitlines()]
    return [one["data"] for one in found if "timing_s/step" in one["data"]]


def summary(run: Path) -> dict[str, float]:
    """Medians over the steps after the warm-up, the wait as a share of the step, and the last values of other metrics."""
    steps = steps_of(run)
    if not steps:
        return {}
    late = steps[WARM_UP:] or steps[-1:]
    found: dict[str, float] = {"steps": len(steps)}
    for name in TIMES:
        values = [step[f"timing_s/{name}"] for step in late if f"timing_s/{name}" in step]
        if values:
            found[f"{name} s"] = statistics.median(values)
    waits = [step.get("timing_s/diversity", 0.0) / step["timing_s/step"] for step in late]
    found["wait %"] = 100 * statistics.median(waits)
    return found | {label: steps[-1][key] for key, label in SHOWN.items() if key in steps[-1]}


def cards() -> list[str]:
    query = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
    try:
        return subprocess.run(query, capture_output=True, text=True, check=True).stdout.splitlines()
    except (FileNotFoundError, subprocess.CalledProcessError):
        return []


def collect(directory: Path) -> dict[str, Any]:
    checks = []
    for file in sorted(directory.glob("*.status"), key=lambda one: one.stat().st_mtime_ns):
        status, seconds = map(int, file.read_text().split())
        log = file.with_suffix(".log").read_text(errors="replace").splitlines()
        checks.append(
            {"name": file.stem, "ok": status == 0, "seconds": seconds}
            | {"run": summary(directory / "runs" / file.stem), "last lines": log[-LAST_LINES:]}
        )
    return {"format": "dqo_verl gpu_check 1", "cards": cards(), "provenance": provenance(), "checks": checks}


def page(found: dict[str, Any]) -> str:
    made = found["provenance"]
    lines = [
        "# GPU check",
        "",
        f"{', '.join(found['cards']) or 'no GPU'}; {made['machine']}; commit {made['commit']}",
        "",
    ]
    lines += [", ".join(f"{name} {version}" for name, version in made["versions"].items()), ""]
    rows = [[one["name"], "ok" if one["ok"] else "FAILED", f"{one['seconds']} s"] for one in found["checks"]]
    lines += [markdown(["check", "result", "time"], rows), ""]
    runs = {one["name"]: one["run"] for one in found["checks"] if one["run"]}
    if runs:
        columns = list(dict.fromkeys(column for run in runs.values() for column in run))
        cells = [[name, *(f"{run[c]:.4g}" if c in run else "" for c in columns)] for name, run in runs.items()]
        lines += ["Medians over the steps after the second one:", "", markdown(["run", *columns], cells), ""]
    for one in found["checks"]:
        if not one["ok"] or not one["run"]:
            lines += [f"## {one['name']}", "", "```text", *one["last lines"], "```", ""]
    return "\n".join(lines)


def main(directory: Path) -> int:
    found = collect(directory)
    (directory / "gpu_check.json").write_text(json.dumps(found, indent=1) + "\n")
    (directory / "gpu_check.md").write_text(page(found))
    failed = [one["name"] for one in found["checks"] if not one["ok"]]
    print(
        f"{len(found['checks']) - len(failed)} of {len(found['checks'])} checks passed"
        + (f"; failed: {', '.join(failed)}" if failed else "")
    )
    print(f"the page to attach to an issue: {directory}/gpu_check.md")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
