import numpy as np
import pytest

from dqo_verl.classifier.partitions import partitions, simulate

LABELS = np.array([1, 1, 1, 1, 0, 0, 0, 0])


def test_right_decisions_make_right_partitions():
    for case in partitions(LABELS == 1, LABELS, size=8):
        for found in case["rules"].values():
            assert found["exact"] == 1
            assert found["merged_pairs"] == found["split_pairs"] == found["reward_error"] == 0
            assert found["classes"] == case["true_classes"]


def test_always_and_never_the_same():
    always = simulate(np.ones(8, dtype=bool), LABELS, 8, None)["rules"]
    never = simulate(np.zeros(8, dtype=bool), LABELS, 8, 3)["rules"]
    for rule in ("single linkage", "first member"):
        assert always[rule]["classes"] == always[rule]["merged_pairs"] == always[rule]["reward_error"] == 1
        assert never[rule]["classes"] == 8
        assert never[rule]["split_pairs"] == 1


def test_one_false_same_in_four_merges_more_by_single_linkage():
    same = np.array([True, True, True, True, True, False, False, False])  # a quarter of the different pairs is mistaken
    found = simulate(same, LABELS, 8, None)["rules"]
    assert found["first member"]["merged_pairs"] == pytest.approx(0.25, abs=0.06)
    assert found["single linkage"]["merged_pairs"] > 0.6
    assert found["single linkage"]["classes"] < found["first member"]["classes"] < 8


def test_two_responses_err_as_often_as_pairs():
    same = np.array([True, True, True, False, True, False, False, False])
    found = simulate(same, LABELS, 2, None)
    for rule in found["rules"].values():
        assert rule["merged_pairs"] == pytest.approx(0.25, abs=0.03)
