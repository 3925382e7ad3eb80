"""The lab's records against those of verl's own engine: the same task and rows, other start policies."""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr, ttest_ind

from experiments.collapse.claims import last
from experiments.collapse.seeds import read
from experiments.lab import records
from experiments.lab.verdicts import Evidence

VERLS = Path(__file__).parents[2] / "experiments/collapse/evidence/sums"
# row of recipes/demo_collapse.sh -> row of the lab
SAME = {
    "grpo": "grpo",
    "dqo": "dqo_1",
    "darling": "darling",
    "diverse": "diverse_2",
    "dqo_alpha0.25": "dqo_0.25",
    "dqo_alpha4": "dqo_4",
    "std_alpha0.25": "dqo_std_0.25",
    "std_alpha4": "dqo_std_4",
    "decoupled_alpha4": "decoupled_4",
    "pairwise": "pairwise_1",
    "dqo_k4": "dqo_1@k4_same_prompts",
    "dqo_k16": "dqo_1@k16_same_prompts",
}
# verl's: of ten samples; the lab's: exact
METRICS = {"pass@1": "pass@1", "effective_classes": "distinct@10"}


@pytest.fixture(scope="module")
def ends():
    """`(row, metric) -> (values of verl's policies, of the lab's)`, after 30 steps."""
    seeds, lab = read(VERLS), Evidence(records.read())
    return {
        (row, metric): (
            [last(runs[row], metric) for runs in seeds.values() if row in runs],
            list(lab.values("sums", same, METRICS[metric])),
        )
        for row, same in SAME.items()
        for metric in METRICS
    }


def test_no_row_differs(ends):
    """Welch's test of each mean, with 5% for all of them together."""
    p_values = {key: ttest_ind(*values, equal_var=False).pvalue for key, values in ends.items()}
    assert {key: p for key, p in p_values.items() if p < 0.05 / len(p_values)} == {}


def test_rows_that_keep_more_in_verl_keep_more_in_the_lab(ends):
    means = [[np.mean(values) for values in ends[row, "effective_classes"]] for row in SAME]
    assert spearmanr(*zip(*means, strict=True)).statistic > 0.7
