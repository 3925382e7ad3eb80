import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dqo_verl.core.objectives import Add, Multiply, Only, ZscoreAdd
from dqo_verl.core.scaling import centre, gap, shift_quality, zscore
from dqo_verl.errors import UserError

finite = st.floats(-1e6, 1e6, width=32)


def shaped(objective, quality, diversity, groups=None):
    """The shaped reward of an objective that leaves the advantage alone."""
    to_reward, to_advantage = objective(quality, diversity, groups or ["a"] * len(quality))
    assert not to_advantage.any()
    return quality + to_reward


def test_add_multiply_only():
    quality, diversity = torch.tensor([1.0, 0.0, 2.0]), torch.tensor([0.5, 1.0, 0.0])
    assert shaped(Add(alpha=2.0), quality, diversity).tolist() == [2.0, 2.0, 2.0]
    assert shaped(Multiply(), quality, diversity).tolist() == [0.5, 0.0, 0.0]
    assert shaped(Multiply(floor=0.1), quality, diversity).tolist() == pytest.approx([0.5, 0.0, 0.2])
    assert shaped(Only(alpha=2.0), quality, diversity).tolist() == [1.0, 2.0, 0.0]


def test_decoupled_adds_the_centred_bonus_to_the_advantage():
    quality, diversity = torch.tensor([1.0, 0.0, 2.0]), torch.tensor([0.5, 1.0, 3.0])
    to_reward, to_advantage = Add(alpha=2.0, scale="decoupled")(quality, diversity, ["a", "a", "b"])
    assert to_reward.tolist() == [0.0, 0.0, 0.0]
    assert to_advantage.tolist() == [-0.5, 0.5, 0.0]


def test_a_gate_lets_through_what_is_above_it():
    quality = torch.tensor([0.0, 0.5, 1.0, -3.0])
    assert Add(gate=0.5).takes_part(quality).tolist() == [False, False, True, False]
    assert Add().takes_part(quality).all()


@given(st.lists(finite, min_size=1, max_size=20))
def test_the_mean_as_a_gate_lets_nobody_through_where_nothing_varies(values):
    quality = torch.tensor(values)
    through = Add(gate="mean").takes_part(quality)
    assert not Add(gate="mean").takes_part(quality[:1].repeat(len(values))).any()
    assert not through.all()
    assert through.tolist() == [value > sum(quality.tolist()) / len(values) for value in quality.tolist()]


@given(st.integers(1, 20), st.integers(1, 20), st.floats(-10, 10), st.floats(0.01, 100))
def test_the_gap_of_two_values_is_their_difference_however_often_each_occurs(few, many, low, difference):
    quality = torch.tensor([low] * few + [low + difference] * many, dtype=torch.float64)
    assert gap(quality) == pytest.approx(difference, abs=1e-9)
    assert gap(quality[:few]) == 0.0


def test_the_gap_of_a_normal_distribution():
    quality = 3 * torch.randn(100_000, generator=torch.Generator().manual_seed(0)) + 7
    assert gap(quality) == pytest.approx(3 * 2 * (2 / torch.pi) ** 0.5, rel=0.01)


@given(st.lists(st.sampled_from([0.0, 1.0, 0.5]), min_size=4, max_size=4), st.floats(0.01, 100), st.floats(-100, 100))
def test_in_units_of_the_gap_alpha_does_not_depend_on_the_rewards_unit(values, scale, shift):
    quality = torch.tensor(values, dtype=torch.float64)
    diversity = torch.tensor([0.3, 0.4, 0.5, 0.6], dtype=torch.float64)
    objective = Add(alpha=2.0, unit="gap", gate="mean")
    added = objective(quality, diversity, ["a"] * 4)[0]
    again = objective(quality * scale + shift, diversity, ["a"] * 4)[0]
    assert again.tolist() == pytest.approx((added * scale).tolist(), rel=1e-6, abs=1e-9)
    assert added.tolist() == pytest.approx((2 * gap(quality) * diversity).tolist())


def test_multiplying_negative_quality_is_refused_and_each_shift_mends_it():
    """With q = -1, diversity 1 would give -1 and diversity 0 would give 0: the copy would be preferred."""
    quality, diversity, groups = torch.tensor([-1.0, -1.0, -3.0]), torch.tensor([1.0, 0.0, 1.0]), ["a", "a", "a"]
    with pytest.raises(UserError, match="quality_shift=group_min"):
        Multiply()(quality, diversity, groups)
    for how in ("group_min", "sigmoid"):
        mended = shaped(Multiply(quality_shift=how), quality, diversity, groups)
        assert mended[0] > mended[1], how


@given(st.lists(finite, min_size=1, max_size=20), st.data())
def test_group_min_and_centre_work_by_group(values, data):
    groups = data.draw(st.lists(st.integers(0, 3), min_size=len(values), max_size=len(values)))
    x = torch.tensor(values, dtype=torch.float64)
    shifted, centred = shift_quality(x, groups, "group_min"), centre(x, groups)
    for group in set(groups):
        rows = [i for i, other in enumerate(groups) if other == group]
        assert shifted[rows].min() == 0
        torch.testing.assert_close(shifted[rows], x[rows] - x[rows].min())
        torch.testing.assert_close(centred[rows], x[rows] - x[rows].mean())


def test_zscore_add_is_really_normalised():
    quality, diversity = torch.tensor([10.0, 20.0, 30.0]), torch.tensor([0.1, 0.1, 0.4])
    z = torch.tensor([-1.0, 0.0, 1.0]) + 0.5 * (diversity - 0.2) / diversity.std()
    torch.testing.assert_close(shaped(ZscoreAdd(alpha=0.5), quality, diversity), z)


@pytest.mark.parametrize("values", [[3.0], [2.0, 2.0, 2.0], [1e-30, 1e-30], [0.11778304, 0.11778303]])
def test_zscore_of_what_does_not_vary_is_zero(values):
    assert zscore(torch.tensor(values)).tolist() == [0.0] * len(values)


def test_zscore_does_not_depend_on_the_unit():
    values = torch.tensor([1.0, 2.0, 4.0])
    torch.testing.assert_close(zscore(values * 1e-9), zscore(values))
