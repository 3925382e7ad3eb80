"""A page for each claim: the verdict first, then effect and interval on each task, the rows behind it, and the command.

The site makes them when it is built (mkdocs_hooks.py), from the records that are kept.
"""

from dataclasses import fields

from dqo_verl.evaluation.report.tables import markdown
from dqo_verl.lab.training import Row
from experiments.lab.claims import CLAIMS, FIRST_SEED, Claim
from experiments.lab.rows import ROWS
from experiments.lab.verdicts import Evidence, judged

METRICS = {
    "kept": "the share of the distinct correct answers of an even policy that is as often correct",
    "pass@1": "the probability of a correct answer",
    "distinct@64": "the expected number of distinct correct answers in 64",
    "share": "the share of the distinct correct answers at the start",
}


def pages(evidence: Evidence) -> dict[str, str]:
    """File name -> text. `claims.md` lists the others."""
    found, rows = {}, []
    for number, claim in enumerate(CLAIMS, start=1):
        name = f"claim_{number:02}.md"
        lines = judged(claim, evidence)
        found[name] = page(claim, lines)
        rows.append([f"[{claim.says}]({name})", summary(lines)])
    return {
        "claims.md": "# Claims, one by one\n\n"
        "Each claim and its bar were written down before the runs that decide it (`experiments/lab/claims.py`). "
        "The runs are those of [the lab](lab.md): toy tasks, a policy of half a million parameters.\n\n"
        + markdown(["claim", "verdict"], rows)
        + "\n",
        **found,
    }


def summary(lines: list[list[str]]) -> str:
    """The tasks by verdict, as in `holds on sums, few; open on skew`."""
    tasks: dict[str, list[str]] = {}
    for task, *_, verdict in lines:
        tasks.setdefault(verdict.strip("*"), []).append(task)
    return "; ".join(f"{verdict} on {', '.join(on)}" for verdict, on in tasks.items()) or "not run"


def page(claim: Claim, lines: list[list[str]]) -> str:
    rows = [claim.row] + ([claim.against] if claim.against else [])
    effect = " - ".join(f"`{row}`" for row in rows)
    parts = [
        f"# {claim.says}",
        f"**Verdict: {summary(lines)}.**",
        f"The number is `{claim.metric}` of {effect}: {METRICS[claim.metric]}, at the last step. "
        "Differences are paired by start policy, and intervals are Student's, 95%. The claim holds on a task if the whole "
        "interval is on its side of the bar, is refuted if it is on the other side, and is open otherwise.",
        markdown(["task", "effect, 95% interval", "needs", "start policies", "verdict"], lines),
        "\n".join(f"- `{row}`: {in_words(ROWS[row])}" for row in rows),
        f"```bash\npython -m experiments.lab.sweep --rows {' '.join(rows)} --tasks {' '.join(claim.tasks)}{seeds(claim)}\n"
        "python -m experiments.lab.verdicts\n```",
        "What the tasks are: [the lab](lab.md).",
    ]
    return "\n\n".join(parts) + "\n"


def seeds(claim: Claim) -> str:
    return "" if claim.first_seed == FIRST_SEED else f" --seeds {claim.first_seed}-{claim.first_seed + 19}"


def in_words(row: Row) -> str:
    """What a user would type for it, and what differs from the other rows."""
    typed = " ".join(f"{key}={value}" for key, value in row.diversity.items()) or "plain GRPO"
    division = "with std division" if row.std else "without std division"
    usual = Row()
    others = [
        f"{field.name}={getattr(row, field.name)}"
        for field in fields(row)
        if field.name not in ("diversity", "std") and getattr(row, field.name) != getattr(usual, field.name)
    ]
    return ", ".join([typed, division, *others])
