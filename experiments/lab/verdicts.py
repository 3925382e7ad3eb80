"""Writes from the records a verdict for each claim on each task, the tables behind it, and charts of quality and diversity.

python -m experiments.lab.verdicts [DIR]        reads DIR/records.parquet, writes DIR/results.md and DIR/tradeoffs.svg
"""

import sys
from pathlib import Path

import pandas as pd

from dqo_verl.errors import UserError, plainly
from dqo_verl.evaluation.report.charts import Chart, Point, Series
from dqo_verl.evaluation.report.figure import figure
from dqo_verl.evaluation.report.tables import markdown
from experiments.collapse.seeds import Triple, interval
from experiments.lab import records
from experiments.lab.claims import CLAIMS, FIRST_SEED, Claim
from experiments.lab.rows import ROWS
from experiments.lab.tasks import TASKS

# the number of start policies that a verdict needs
ENOUGH = 10
SHOWN = {"pass@1": "pass@1", "kept": "kept", "distinct@10": "different right of 10", "distinct@64": "of 64"}
MAIN = ("grpo", "dqo_1", "darling", "diverse_2", "decoupled_4")


class Evidence:
    """Metrics of each run at its last step, by task and row: one value for each start policy."""

    def __init__(self, table: pd.DataFrame):
        table = table[table.seed >= FIRST_SEED]
        if table.empty:
            raise UserError(
                f"no runs of seeds from {FIRST_SEED} on. To make some, type python -m experiments.lab.sweep"
            )
        last = table.sort_values("step").groupby(["task", "row", "seed"]).last()
        self.last = last.astype("float64")

    def values(self, task: str, row: str, metric: str) -> pd.Series:
        """The metric of each seed; empty if the row was not run."""
        found: pd.Series = self.last[metric].get((task, row), pd.Series(dtype="float64"))
        return found

    def of(self, claim: Claim, task: str) -> pd.Series:
        """The value that the claim is about, for each start policy with all the runs that it needs."""
        own = self.values(task, claim.row, claim.metric)
        if claim.against is not None:
            own = own - self.values(task, claim.against, claim.metric)
        return own[own.index >= claim.first_seed].dropna()


def told(triple: Triple, digits: int = 3) -> str:
    mean, low, high = triple
    return f"{mean:.{digits}f}" if low != low else f"{mean:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def judged(claim: Claim, evidence: Evidence) -> list[list[str]]:
    """The claim's table: a line for each task that was run."""
    lines = []
    for task in claim.tasks:
        values = evidence.of(claim, task)
        if len(values):
            triple = interval(list(values))
            verdict = claim.verdict(*triple[1:]) if len(values) >= ENOUGH else f"fewer than {ENOUGH} policies"
            bar = (
                f"within {claim.bar:g}"
                if claim.side == "within"
                else f"{'>' if claim.side == 'above' else '<'} {claim.bar:g}"
            )
            lines.append([task, told(triple), bar, str(len(values)), f"**{verdict}**"])
    return lines


def table(evidence: Evidence, task: str) -> str:
    lines = []
    for row in ROWS:
        values = {metric: list(evidence.values(task, row, metric)) for metric in SHOWN}
        if values["pass@1"]:
            digits = {"pass@1": 3, "kept": 2}
            cells = [told(interval(found), digits.get(metric, 1)) for metric, found in values.items()]
            # the GRPO row with as many steps, prompts and responses
            base = f"grpo{row[row.index('@') :]}" if "@" in row else "grpo"
            gap = list((evidence.values(task, row, "pass@1") - evidence.values(task, base, "pass@1")).dropna())
            cells.insert(1, told(interval(gap)) if gap and row != base else "")
            lines.append([f"`{row}`", str(len(values["pass@1"])), *cells])
    quality, *others = SHOWN.values()
    return markdown(["row", "policies", quality, f"{quality} - `grpo`", *others], lines)


def tradeoffs(evidence: Evidence) -> list[Chart]:
    """One chart for each task: quality on the y axis, diversity on the x axis."""
    found = []
    for task in TASKS:
        chart = Chart(f"pass@1: {task}", "kept: share of an even policy's distinct correct answers")
        for style, row in enumerate(MAIN):
            quality, kept = (list(evidence.values(task, row, metric)) for metric in ("pass@1", "kept"))
            if len(quality) >= 3:
                mean, low, high = interval(quality)
                point = Point(interval(kept)[0], mean, y_interval=(low, high))
                chart.series.append(Series(row, style, [point]))
        found += [chart] if chart.series else []
    return found


def results(evidence: Evidence) -> str:
    tasks = [task for task in TASKS if task in evidence.last.index.get_level_values("task")]
    parts = ["# What the lab says", "## Claims"]
    for claim in CLAIMS:
        lines = judged(claim, evidence)
        if lines:
            what = f"`{claim.row}`" + (f" - `{claim.against}`" if claim.against else "")
            head = ["task", f"{claim.metric} of {what}, 95% interval", "needs", "policies", "verdict"]
            parts.append(f"**{claim.says}**\n\n{markdown(head, lines)}")
        else:
            parts.append(f"**{claim.says}** Not run yet.")
    parts.append("## Rows")
    parts += [f"### {task}\n\n{table(evidence, task)}" for task in tasks]
    return "\n\n".join(parts) + "\n"


def main(directory: Path) -> None:
    evidence = Evidence(records.read(directory / "records.parquet"))
    (directory / "results.md").write_text(results(evidence))
    (directory / "tradeoffs.svg").write_text(figure(tradeoffs(evidence)))
    print(f"Written to {directory}: results.md, tradeoffs.svg")


if __name__ == "__main__":
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else records.RECORDS.parent
    sys.exit(plainly("verdicts", lambda: main(directory)))
