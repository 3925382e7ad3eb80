"""The deviation weight: by hand, its sum, and where it has to be 1."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import dqo_verl


def test_by_hand():
    """D = (0.75, 0.75, 1): the first two are half alike and orthogonal to the third, which takes all the weight."""
    similarity = torch.tensor([[1.0, 0.5, 0.0], [0.5, 1.0, 0.0], [0.0, 0.0, 1.0]])
    assert dqo_verl.deviation_weight(similarity).tolist() == [0.0, 0.0, 3.0]


def test_in_between_is_linear_in_the_distance():
    """D = (0.4, 0.7, 0.5), u = (0, 1, 1/3), mean 4/9."""
    similarity = torch.tensor([[1.0, 0.4, 0.8], [0.4, 1.0, 0.2], [0.8, 0.2, 1.0]])
    torch.testing.assert_close(dqo_verl.deviation_weight(similarity), torch.tensor([0.0, 9 / 4, 3 / 4]))


@pytest.mark.parametrize("k", [1, 2, 5])
def test_equal_responses_and_orthogonal_ones_keep_their_reward(k):
    assert dqo_verl.deviation_weight(torch.ones(k, k)).tolist() == [1.0] * k
    assert dqo_verl.deviation_weight(torch.eye(k)).tolist() == [1.0] * k


@given(st.floats(-1, 1), st.floats(-1e-7, 1e-7))
def test_two_responses_are_equally_rare_whatever_rounding_says(cosine, error):
    similarity = torch.tensor([[1.0 + error, cosine], [cosine, 1.0]])
    assert dqo_verl.deviation_weight(similarity).tolist() == [1.0, 1.0]


@given(st.integers(0, 2**31), st.integers(3, 16))
def test_weights_sum_to_the_size_of_the_group_and_follow_the_distance(seed, k):
    generator = torch.Generator().manual_seed(seed)
    rows = torch.nn.functional.normalize(torch.randn(3, k, 8, generator=generator, dtype=torch.float64), dim=-1)
    similarity = dqo_verl.linear_kernel(rows)
    weights = dqo_verl.deviation_weight(similarity)
    torch.testing.assert_close(weights.sum(dim=-1), torch.full((3,), float(k), dtype=torch.float64))
    assert (weights >= 0).all()
    order = dqo_verl.mean_pairwise_distance(similarity).argsort(dim=-1)
    assert (weights.gather(-1, order).diff(dim=-1) >= 0).all()
