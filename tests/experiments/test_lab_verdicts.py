"""Records, and the verdicts that follow from them."""

import dataclasses
import re

import numpy as np
import pandas as pd
import pytest

from dqo_verl import UserError
from experiments.lab import records
from experiments.lab.claims import CLAIMS, Claim
from experiments.lab.pages import pages
from experiments.lab.rows import ROWS
from experiments.lab.tasks import TASKS
from experiments.lab.verdicts import ENOUGH, FIRST_SEED, Evidence, judged, main


def runs(seeds, shift, task="few", row="dqo_1"):
    """A run of each seed, whose pass@1 ends `shift` above that of the seed."""

    def curve(seed):
        rng = np.random.default_rng(seed)
        end = 0.8 + 0.1 * rng.random() + shift
        other = {"kept": 0.9, "distinct@10": 3.0, "distinct@64": 5.0, "share": 0.5}
        return {0: {"pass@1": 0.6, **other}, 30: {"pass@1": end, **other}}

    return [{"task": task, "row": row, "seed": seed, "curves": curve(seed), "seconds": 1.0} for seed in seeds]


@pytest.fixture
def evidence(tmp_path):
    """`evidence(runs...)`: what is read from the file that they were added to, one list after the other."""

    def of(*lists):
        for one in lists:
            records.add(one, tmp_path / "records.parquet")
        return Evidence(records.read(tmp_path / "records.parquet"))

    return of


SEEDS = range(FIRST_SEED, FIRST_SEED + ENOUGH)


def claim(side, bar, against="grpo"):
    return Claim("so it is", "dqo_1", against, "pass@1", side, bar, ("few",))


@pytest.mark.parametrize(
    ("side", "bar", "low", "high", "verdict"),
    [
        ("above", 0.0, 0.1, 0.3, "holds"),
        ("above", 0.0, -0.1, 0.3, "open"),
        ("above", 0.0, -0.3, -0.1, "refuted"),
        ("below", 0.5, 0.1, 0.4, "holds"),
        ("below", 0.5, 0.4, 0.6, "open"),
        ("below", 0.5, 0.6, 0.7, "refuted"),
        ("within", 0.1, -0.05, 0.09, "holds"),
        ("within", 0.1, -0.05, 0.2, "open"),
        ("within", 0.1, 0.15, 0.2, "refuted"),
        ("within", 0.1, -0.3, -0.15, "refuted"),
        ("above", 0.0, float("nan"), float("nan"), "open"),
    ],
)
def test_an_interval_decides(side, bar, low, high, verdict):
    assert claim(side, bar).verdict(low, high) == verdict


def test_differences_are_paired_by_start_policy(evidence):
    """Policies differ by 0.1, the two rows by exactly 0.05: only a paired comparison sees it."""
    found = evidence(runs(SEEDS, 0.0, row="grpo"), runs(SEEDS, 0.05))
    ((task, told, bar, count, verdict),) = judged(claim("above", 0.04), found)
    assert (task, told, bar, count, verdict) == ("few", "0.050 [0.050, 0.050]", "> 0.04", str(ENOUGH), "**holds**")
    assert judged(claim("above", 0.06), found)[0][-1] == "**refuted**"


def test_a_run_without_its_counterpart_and_seeds_for_choosing_are_left_out(evidence):
    found = evidence(runs(SEEDS, 0.0, row="grpo"), runs([*SEEDS, FIRST_SEED + 50, 3], 0.05), runs([3], 0.0, row="grpo"))
    assert judged(claim("above", 0.0), found)[0][3] == str(ENOUGH)


def test_a_claim_may_leave_out_the_policies_that_its_rule_was_chosen_on(evidence):
    found = evidence(runs(SEEDS, 0.0, row="grpo"), runs(SEEDS, 0.05))
    later = dataclasses.replace(claim("above", 0.0), first_seed=FIRST_SEED + 2)
    assert judged(later, found)[0][3] == str(ENOUGH - 2)


def test_few_policies_decide_nothing(evidence):
    found = evidence(runs(SEEDS[:-1], 0.05))
    assert judged(claim("above", 0.0, against=None), found)[0][-1] == f"**fewer than {ENOUGH} policies**"
    assert judged(claim("above", 0.0), found) == []


def test_what_is_there_is_not_run_again_and_a_newer_run_replaces(tmp_path):
    file = tmp_path / "records.parquet"
    records.add(runs([1], 0.0), file)
    records.add(runs([1], 0.05), file)
    table = records.read(file)
    assert records.done(table) == {("few", "dqo_1", 1)}
    assert len(table) == 2
    assert table[table.step == 30]["pass@1"].item() > 0.85
    assert records.done(records.read(tmp_path / "none.parquet")) == set()


def test_claims_name_rows_and_tasks_that_exist():
    for one in CLAIMS:
        assert one.row in ROWS
        assert one.against is None or one.against in ROWS
        assert set(one.tasks) <= set(TASKS)


def test_the_page_and_the_charts(tmp_path):
    records.add(runs(SEEDS, 0.0, row="grpo") + runs(SEEDS, 0.05), tmp_path / "records.parquet")
    main(tmp_path)
    page = (tmp_path / "results.md").read_text()
    assert "**DQO loses less than 0.02 of GRPO's pass@1.**" in page
    assert re.search(r"\| few +\| 0.050 \[0.050, 0.050\] +\| > -0.02 \| 10 +\| \*\*holds\*\* \|", page)
    assert "Not run yet." in page
    assert "<svg" in (tmp_path / "tradeoffs.svg").read_text()


def test_without_evidence_the_command_is_named():
    with pytest.raises(UserError, match=r"python -m experiments\.lab\.sweep"):
        Evidence(pd.DataFrame({"seed": [1], "step": [0], "task": ["few"], "row": ["grpo"], "pass@1": [0.5]}))


def test_every_claim_has_a_page_with_its_verdict_first(evidence):
    found = pages(evidence(runs(SEEDS, 0.0, row="grpo"), runs(SEEDS, 0.05)))
    assert len(found) == len(CLAIMS) + 1
    for name, text in found.items():
        if name != "claims.md":
            assert text.splitlines()[2].startswith("**Verdict: ")
            assert f"]({name}) " in found["claims.md"]
    ours = next(i for i, claim in enumerate(CLAIMS, start=1) if (claim.row, claim.metric) == ("dqo_1", "pass@1"))
    assert "**Verdict: holds on few.**" in found[f"claim_{ours:02}.md"]
    assert "--rows dqo_1 grpo --tasks sums few" in found[f"claim_{ours:02}.md"]
