"""Unlikeliness, surprisal and graph cut: the formulas by hand, their bounds, and degenerate groups."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import dqo_verl


def test_unlikeliness_by_hand():
    """G = 4, beta = 0.25: ranks 0 to 3 keep 1 - 0.25 * (4, 3, 2, 1) / 4."""
    log_probs = torch.tensor([-9.0, -1.0, -30.0, -4.0])
    expected = torch.tensor([1 - 0.125, 1 - 0.25, 1 - 0.0625, 1 - 0.1875])
    torch.testing.assert_close(dqo_verl.unlikeliness(log_probs), expected)


def test_equally_probable_responses_share_their_rank():
    torch.testing.assert_close(dqo_verl.unlikeliness(torch.tensor([-2.0, -2.0])), torch.full((2,), 1 - 0.25 * 1.5 / 2))
    assert dqo_verl.unlikeliness(torch.tensor([-5.0])).tolist() == [0.75]


@given(st.lists(st.floats(-1e4, 0), min_size=1, max_size=32), st.floats(0, 1))
def test_unlikeliness_prefers_the_improbable_and_stays_within_bounds(values, beta):
    log_probs = torch.tensor(values, dtype=torch.float64)
    weights = dqo_verl.unlikeliness(log_probs, beta)
    assert ((weights >= 1 - beta - 1e-6) & (weights <= 1 + 1e-6)).all()
    order = log_probs.argsort()
    assert (weights[order].diff() <= 1e-12).all()


def test_surprisal():
    surprisal = dqo_verl.mean_surprisal(torch.tensor([-6.0, -1.0, 0.0]), torch.tensor([3.0, 1.0, 0.0]))
    assert surprisal.tolist() == [2.0, 1.0, 0.0]


@pytest.mark.parametrize("k", [1, 2, 7])
def test_graph_cut_at_the_extremes(k):
    torch.testing.assert_close(dqo_verl.graph_cut_weight(torch.ones(k, k)), torch.full((k,), 1 / k))
    torch.testing.assert_close(dqo_verl.graph_cut_weight(torch.eye(k)), torch.ones(k))


def test_graph_cut_by_hand_with_a_blank_and_a_negative():
    similarity = torch.tensor([[1.0, 0.5, 0.0], [0.5, 1.0, 0.0], [0.0, 0.0, 0.0]])
    torch.testing.assert_close(dqo_verl.graph_cut_weight(similarity), torch.tensor([1 / 1.5, 1 / 1.5, 1.0]))
    opposite = torch.tensor([[1.0, -1.0], [-1.0, 1.0]])
    assert dqo_verl.graph_cut_weight(opposite).tolist() == [1.0, 1.0]
