import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqo_verl.classifier.folds import fold_of_each, thresholds_of_others
from dqo_verl.classifier.metrics import (
    all_metrics,
    auroc,
    best_threshold,
    calibration_error,
    of_decisions,
)
from dqo_verl.errors import UserError
from dqo_verl.evaluation.metrics.bootstrap import interval_of

SCORED = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 1)), min_size=2, max_size=30).filter(
    lambda rows: len({label for _, label in rows}) == 2
)


def split(rows):
    return np.array([score / 8 for score, _ in rows]), np.array([label for _, label in rows])


@given(SCORED)
def test_auroc_is_the_share_of_pairs_in_the_right_order(rows):
    scores, labels = split(rows)
    gaps = scores[labels == 1][:, None] - scores[labels == 0][None, :]
    assert auroc(scores, labels) == pytest.approx(((gaps > 0) + 0.5 * (gaps == 0)).mean())


@given(SCORED, st.sampled_from(["accuracy", "balanced_accuracy"]))
def test_no_threshold_is_better_than_the_best(rows, metric):
    scores, labels = split(rows)
    best = of_decisions(scores > best_threshold(scores, labels, metric), labels)[metric]
    every = [of_decisions(scores > edge, labels)[metric] for edge in [-1.0, *scores]]
    assert best == pytest.approx(max(every))


def test_metrics_by_hand():
    same, labels = np.array([True, True, True, False, False]), np.array([1, 1, 0, 0, 1])
    found = of_decisions(same, labels)
    assert found == pytest.approx(
        {"accuracy": 3 / 5, "balanced_accuracy": (2 / 3 + 1 / 2) / 2, "precision": 2 / 3, "recall": 2 / 3, "f1": 2 / 3}
    )
    nobody = of_decisions(np.zeros(5, dtype=bool), labels)
    assert np.isnan(nobody["precision"])
    assert nobody["recall"] == nobody["f1"] == 0


def test_calibration_by_hand():
    scores, labels = np.array([0.05, 0.15, 0.15, 1.0]), np.array([0, 0, 1, 1])
    assert calibration_error(scores, labels) == pytest.approx((0.05 + 2 * abs(0.15 - 0.5) + 0) / 4)


def test_intervals_hold_the_value_and_shrink_with_more_pairs():
    rng = np.random.default_rng(0)
    labels = rng.integers(2, size=400)
    scores = np.clip(0.3 * labels + 0.7 * rng.random(400), 0, 1)

    def metrics(rows):
        return all_metrics(scores[rows], scores[rows] > 0.5, labels[rows], probabilities=True)

    widths = []
    for pairs in (50, 400):
        found = interval_of(metrics, pairs)
        assert set(found) >= {"accuracy", "auroc", "f1", "brier", "ece"}
        value, low, high = found["accuracy"]
        assert low <= value <= high
        widths.append(high - low)
    assert widths[1] < widths[0] / 2


def test_folds_share_no_prompt_and_have_about_equal_labels(labelled):
    doubled = labelled + labelled[:7]  # prompts with two pairs
    fold = fold_of_each(doubled, 5, seed=3)
    prompts = [{pair.prompt for pair, its in zip(doubled, fold, strict=True) if its == i} for i in range(5)]
    assert sum(map(len, prompts)) == len(set.union(*prompts)) == 60
    similar = [sum(pair.similar for pair, its in zip(labelled, fold, strict=False) if its == i) for i in range(5)]
    assert similar == [4, 4, 4, 4, 4]
    assert fold != fold_of_each(doubled, 5, seed=4)
    with pytest.raises(UserError, match="only 60 prompts"):
        fold_of_each(doubled, 61, seed=0)


def test_a_fold_has_no_say_in_its_own_threshold():
    scores, fold = np.array([0.1, 0.2, 0.3, 0.7, 0.8, 0.9]), [0, 1, 2, 0, 1, 2]
    labels = np.array([0, 0, 0, 1, 1, 1])
    before = thresholds_of_others(scores, labels, fold, "accuracy")
    changed = labels.copy()
    changed[[0, 3]] = [1, 0]
    after = thresholds_of_others(scores, changed, fold, "accuracy")
    assert before[[0, 3]].tolist() == after[[0, 3]].tolist()
    assert before.tolist() != after.tolist()
