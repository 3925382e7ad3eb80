"""Writes a table, a verdict for each claim, and the curves, from the records of all runs.

    python -m experiments.collapse.verdicts DIR        reads DIR/records/ROW-sSEED.json, writes DIR/results.md, curves.svg, sweeps.svg

Intervals are 95% Student intervals over seeds; differences are paired, because the runs of one seed share its first policy and its
prompts. Fewer than three seeds give no interval and no verdict: for two, Student's reaches 13 standard errors to each side.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from dqo_verl.errors import plainly
from dqo_verl.evaluation.report.figure import figure
from dqo_verl.evaluation.report.tables import markdown
from experiments.collapse.claims import CLAIMS, Claim, Runs, last
from experiments.collapse.plots import MAIN, SHOWN, curves, sweeps
from experiments.collapse.seeds import Triple, interval, read


def verdict(limits: Sequence[tuple[Triple, float]]) -> str:
    """Supported if all intervals are above their bounds, not supported if one is below, otherwise unclear."""
    if any(high < above for (_, _, high), above in limits):
        return "not supported"
    return "supported" if limits and all(low > above for (_, low, _), above in limits) else "unclear"


def judged(claim: Claim, seeds: dict[int, Runs]) -> tuple[str, list[str]]:
    """The verdict, and a line of numbers for each check; a check leaves out the seeds that lack one of its runs."""
    limits, lines = [], []
    for check in claim.checks:
        values = []
        for runs in seeds.values():
            try:
                values.append(check.value(runs))
            except KeyError:
                continue
        if not values:
            return "not run", []
        triple = interval(values)
        limits.append((triple, check.above))
        lines.append(
            f"{check.says}: {told(triple)}, needs > {check.above:g} ({len(values)} seed{'s' if len(values) > 1 else ''})"
        )
    return verdict(limits), lines


def told(triple: Triple) -> str:
    mean, low, high = triple
    return f"{mean:.2f}" if low != low else f"{mean:.2f} [{low:.2f}, {high:.2f}]"


def within(triple: Triple, metric: str) -> Triple:
    """Clip the interval of a probability to 0 and 1."""
    mean, low, high = triple
    return (mean, max(low, 0.0), min(high, 1.0)) if metric.startswith("pass@") and low == low else triple


def table(seeds: dict[int, Runs]) -> str:
    """A table of all rows at their last validation."""
    rows = list(dict.fromkeys([*MAIN, *(row for runs in seeds.values() for row in runs)]))
    lines = []
    for row in rows:
        runs = [seed[row] for seed in seeds.values() if row in seed]
        if runs:
            steps = {max(int(step) for step in run["curves"]["pass@1"]) for run in runs}
            cells = [told(within(interval([last(run, name) for run in runs]), name)) for name in SHOWN]
            lines.append([f"`{row}`", str(len(runs)), "/".join(map(str, sorted(steps))), *cells])
    return markdown(["run", "seeds", "steps", *SHOWN.values()], lines)


def results(directory: Path) -> str:
    seeds = read(directory)
    runs = [run for seed in seeds.values() for run in seed.values()]
    commits = sorted({str(run["provenance"]["commit"]) for run in runs})
    parts = [
        table(seeds),
        "Means over seeds with 95% intervals, at the last step, on held-out prompts with 10 responses each; the entropy is that of the last "
        "training batch.",
        "## Verdicts",
    ]
    not_run = []
    for claim in CLAIMS:
        said, lines = judged(claim, seeds)
        if not lines:
            not_run.append(claim.letter)
            continue
        parts.append("\n".join([f"**({claim.letter}) {claim.says}: {said}.**", "", *(f"- {line}" for line in lines)]))
    if not_run:
        parts.append(f"Runs are missing for the claims {', '.join(not_run)}.")
    versions = runs[0]["provenance"]["versions"]
    parts.append(
        f"{len(runs)} runs; {runs[0]['prompts']} held-out prompts; {runs[0]['provenance']['machine']}; "
        f"{', '.join(f'{name} {version}' for name, version in versions.items())}; commits {', '.join(commits)}."
    )
    return "\n\n".join(parts) + "\n"


def main(directory: Path) -> None:
    text = results(directory)
    (directory / "results.md").write_text(text)
    print(text)
    seeds = read(directory)
    for name, charts in (("curves", curves(seeds)), ("sweeps", sweeps(seeds))):
        if charts:
            (directory / f"{name}.svg").write_text(figure(charts))
    print(f"Written to {directory}: results.md, {', '.join(sorted(file.name for file in directory.glob('*.svg')))}")


if __name__ == "__main__":
    sys.exit(plainly("verdicts", lambda: main(Path(sys.argv[1]))))
