from itertools import combinations
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqo_verl.evaluation.metrics.quality import best_of_k, pass_at_k

SCORES = st.lists(st.floats(-100, 100), min_size=1, max_size=8)


def test_by_hand() -> None:
    """Scores 1, 2, 4: best of 2 is 2, 4, 4 with equal chance."""
    curve = best_of_k(np.array([2.0, 4.0, 1.0]))
    assert curve == pytest.approx([7 / 3, 10 / 3, 4.0])


@given(SCORES)
def test_best_of_k_is_the_mean_over_all_subsets(scores: list[float]) -> None:
    for k in range(1, len(scores) + 1):
        expected = np.mean([max(subset) for subset in combinations(scores, k)])
        assert best_of_k(np.array(scores), k) == pytest.approx(expected, abs=1e-9)


@given(st.integers(1, 40), st.data())
def test_pass_at_k_is_the_formula_of_the_paper(n: int, data: st.DataObject) -> None:
    c = data.draw(st.integers(0, n))
    curve = pass_at_k(np.array([1.0] * c + [0.0] * (n - c)))
    assert curve == pytest.approx([1 - comb(n - c, k) / comb(n, k) for k in range(1, n + 1)], abs=1e-12)


def test_large_n_stays_exact() -> None:
    curve = pass_at_k(np.array([1.0] + [0.0] * 255))
    assert curve == pytest.approx(np.arange(1, 257) / 256, abs=1e-12)


def test_verl_would_say_0_684_where_the_truth_is_1() -> None:
    """verl#7240: one right answer of four, k = 4; drawing with replacement misses it."""
    assert pass_at_k(np.array([0.0, 1.0, 0.0, 0.0]), 4) == 1.0
    assert pytest.approx(0.684, abs=1e-3) == 1 - (3 / 4) ** 4


def test_groups_are_independent_rows() -> None:
    rows = np.array([[0.0, 1.0], [3.0, 2.0]])
    assert best_of_k(rows) == pytest.approx(np.array([best_of_k(rows[0]), best_of_k(rows[1])]))


@pytest.mark.parametrize("k", [0, 4, -1])
def test_k_beyond_n_is_refused(k: int) -> None:
    with pytest.raises(ValueError, match=rf"k = {k} is not between 1 and n = 3"):
        best_of_k(np.array([1.0, 2.0, 3.0]), k)


def test_pass_at_k_needs_binary_correctness() -> None:
    with pytest.raises(ValueError, match="0/1"):
        pass_at_k(np.array([0.5, 1.0]))
