import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dqo_verl.evaluation.metrics.bootstrap import interval


def test_agrees_with_scipy() -> None:
    """An independent bootstrap of the same data; both have resampling noise."""
    values = np.random.default_rng(1).exponential(size=200)
    mean, low, high = interval(values[:, None], resamples=20_000)
    theirs = stats.bootstrap((values,), np.mean, method="percentile", n_resamples=20_000, rng=2).confidence_interval
    assert mean[0] == pytest.approx(values.mean())
    assert (low[0], high[0]) == pytest.approx(tuple(theirs), abs=0.01)


def test_covers_the_truth_about_as_often_as_it_says() -> None:
    generator = np.random.default_rng(0)
    samples = generator.normal(3.0, 1.0, (50, 400))  # 400 experiments, one a column
    _, low, high = interval(samples, resamples=1000)
    covered = ((low <= 3.0) & (high >= 3.0)).mean()
    assert 0.90 < covered < 0.98


def test_undefined_prompts_are_left_out() -> None:
    mean, low, high = interval(np.array([[1.0, np.nan], [3.0, 5.0], [np.nan, np.nan]]))
    assert mean == pytest.approx([2.0, 5.0])
    assert low[0] >= 1.0
    assert high[0] <= 3.0
    assert np.isnan([low[1], high[1]]).all()  # one value has no interval


def test_a_single_prompt_has_no_interval() -> None:
    mean, low, high = interval(np.array([[4.0]]))
    assert mean[0] == 4.0
    assert np.isnan([low[0], high[0]]).all()


def test_constant_values_have_an_interval_of_no_width() -> None:
    assert [float(x[0]) for x in interval(np.full((10, 1), 0.25))] == pytest.approx([0.25] * 3)


@given(st.lists(st.floats(-10, 10), min_size=2, max_size=30))
def test_same_seed_same_numbers_and_mean_inside(values: list[float]) -> None:
    column = np.array(values)[:, None]
    first, second = interval(column, resamples=200), interval(column, resamples=200)
    assert np.array_equal(first, second)
    assert first[1][0] - 1e-9 <= first[2][0]
    assert min(values) - 1e-9 <= first[1][0]
    assert first[2][0] <= max(values) + 1e-9


def test_blocks_change_nothing_but_memory() -> None:
    """More prompts than fit in one block of resamples: still one seed, one result, near the normal approximation."""
    values = np.random.default_rng(0).normal(size=(5000, 1))
    _, low, high = interval(values)
    half = 1.96 * values.std() / np.sqrt(len(values))
    assert (high[0] - low[0]) / 2 == pytest.approx(half, rel=0.06)
