import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dqo_verl.core.features import Features, Groups
from dqo_verl.core.measures.elliptical import Elliptical


def bonus(rows, form):
    groups = Groups(
        torch.arange(len(rows))[None], torch.ones(1, len(rows)), Features(range(len(rows)), embeddings=rows)
    )
    return Elliptical(form=form)(groups)[0]


@given(st.integers(1, 8), st.integers(1, 6), st.integers(0, 2**31))
def test_both_forms_are_their_definitions_in_the_space_of_the_embeddings(k, width, seed):
    rows = torch.randn(k, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    rows = torch.nn.functional.normalize(rows, dim=-1)
    everything = torch.eye(width, dtype=torch.float64) + rows.T @ rows
    for i, row in enumerate(rows):
        left_out = row @ torch.linalg.inv(everything - torch.outer(row, row)) @ row
        leverage = row @ torch.linalg.inv(everything) @ row
        torch.testing.assert_close(bonus(rows, "left_out")[i], left_out)
        torch.testing.assert_close(bonus(rows, "leverage")[i], leverage)


@pytest.mark.parametrize("k", [1, 2, 5])
def test_bounds(k):
    identical, orthogonal = torch.eye(1, dtype=torch.float64).expand(k, 1), torch.eye(k, dtype=torch.float64)
    torch.testing.assert_close(bonus(identical, "left_out"), torch.full((k,), 1 / k, dtype=torch.float64))
    torch.testing.assert_close(bonus(orthogonal, "left_out"), torch.ones(k, dtype=torch.float64))
    torch.testing.assert_close(bonus(identical, "leverage"), torch.full((k,), 1 / (k + 1), dtype=torch.float64))
    torch.testing.assert_close(bonus(orthogonal, "leverage"), torch.full((k,), 0.5, dtype=torch.float64))
    assert bonus(torch.zeros(k, 2), "left_out").tolist() == [0.0] * k
