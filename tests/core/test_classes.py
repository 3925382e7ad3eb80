"""Classes from cosines: thresholds, blank responses, batches."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from dqo_verl.core.classes import classes, cosine_same, first_member, same_class


def rows_of(seed, k, blanks):
    rows = torch.nn.functional.normalize(torch.randn(k, 3, generator=torch.Generator().manual_seed(seed)), dim=-1)
    return rows * torch.tensor([[0.0 if i in blanks else 1.0] for i in range(k)])


@given(st.integers(0, 10_000), st.integers(1, 7), st.sets(st.integers(0, 6)), st.floats(-1, 1))
def test_pair_by_pair(seed, k, blanks, threshold):
    rows = rows_of(seed, k, blanks)
    found = cosine_same(rows, threshold)
    for i in range(k):
        for j in range(k):
            blank = (i in blanks) + (j in blanks)
            cosine = float(rows[i] @ rows[j])
            if blank or abs(cosine - threshold) > 1e-5:
                assert bool(found[i, j]) == (blank == 2 if blank else cosine > threshold)


def test_groups_do_not_touch_each_other():
    rows = torch.stack([rows_of(seed, 4, {seed}) for seed in range(3)])
    torch.testing.assert_close(cosine_same(rows, 0.3), torch.stack([cosine_same(own, 0.3) for own in rows]))


@given(st.integers(0, 10_000), st.integers(1, 8))
def test_first_member_only_splits_components(seed, k):
    same = cosine_same(rows_of(seed, k, {0}), 0.5)
    greedy, connected = first_member(same.tolist()), same_class(same)
    assert all(connected[i, first] and same[i, first] for i, first in enumerate(greedy) if i != first)
    assert len(set(greedy)) >= len(set(classes(same).tolist()))
