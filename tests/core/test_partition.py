"""DARLING's partition, mean distance and n-grams: union-find and hand-computed cases."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import dqo_verl


def union_find_sizes(same: torch.Tensor) -> list[int]:
    parent = list(range(len(same)))

    def root(i: int) -> int:
        while parent[i] != i:
            i = parent[i]
        return i

    for i in range(len(same)):
        for j in range(len(same)):
            if same[i, j]:
                parent[root(i)] = root(j)
    return [sum(root(j) == root(i) for j in range(len(same))) for i in range(len(same))]


@given(st.integers(1, 64), st.floats(0, 0.2), st.integers(0, 2**31))
def test_equals_union_find(n, density, seed):
    same = torch.rand(n, n, generator=torch.Generator().manual_seed(seed)) < density
    sizes = union_find_sizes(same)
    expected = torch.tensor([(n - size) / (n - 1) if n > 1 else 1.0 for size in sizes])
    torch.testing.assert_close(dqo_verl.distinct_fraction(same), expected)
    assert len(set(dqo_verl.classes(same).tolist())) == round(sum(1 / size for size in sizes))


def test_the_papers_example():
    """Four responses in classes of 2, 1 and 1 -> 2/3, 2/3, 1, 1."""
    same = torch.zeros(4, 4, dtype=torch.bool)
    same[0, 1] = True
    torch.testing.assert_close(dqo_verl.distinct_fraction(same), torch.tensor([2 / 3, 2 / 3, 1.0, 1.0]))
    assert dqo_verl.classes(same).tolist() == [0, 0, 2, 3]


@pytest.mark.parametrize("n", [2, 3, 17])
def test_a_chain_is_one_class(n):
    chain = torch.zeros(n, n, dtype=torch.bool)
    chain[torch.arange(n - 1), torch.arange(1, n)] = True
    assert dqo_verl.distinct_fraction(chain).tolist() == [0.0] * n
    assert dqo_verl.distinct_fraction(torch.zeros(n, n, dtype=torch.bool)).tolist() == [1.0] * n


def test_batched_groups_do_not_touch_each_other():
    same = torch.zeros(2, 3, 3, dtype=torch.bool)
    same[1, 0, 2] = True
    torch.testing.assert_close(dqo_verl.distinct_fraction(same), torch.tensor([[1.0, 1.0, 1.0], [0.5, 1.0, 0.5]]))


def test_mean_pairwise_distance():
    similarity = torch.tensor([[1.0, 0.2, 0.4], [0.2, 1.0, 0.0], [0.4, 0.0, 1.0]])
    torch.testing.assert_close(dqo_verl.mean_pairwise_distance(similarity), torch.tensor([0.7, 0.9, 0.8]))
    assert dqo_verl.mean_pairwise_distance(torch.ones(1, 1)).item() == 1.0
    assert dqo_verl.mean_pairwise_distance(torch.ones(5, 5)).abs().max() < 1e-6


def test_two_clusters_maximise_distance_but_not_the_determinant():
    """Why DQO takes the determinant: two opposite points beat a spread-out set in mean distance, not in volume."""
    opposite = torch.tensor([[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]])
    spread = torch.cat([torch.eye(3), torch.tensor([[-1.0, 0.0, 0.0]])])
    distance, volume = dqo_verl.mean_pairwise_distance, dqo_verl.set_logdet
    kernels = [dqo_verl.linear_kernel(rows) for rows in (opposite, spread)]
    assert distance(kernels[0]).mean() > distance(kernels[1]).mean()
    assert volume(kernels[0]) < volume(kernels[1])


def test_distinct_ngrams():
    texts = ["a b c d e", "a b c d f", "x y", "", "p q r s p q r s"]
    # {abcd, bcde} shared/own; the last has 5 4-grams of which pqrs repeats: 4 distinct of 5
    torch.testing.assert_close(dqo_verl.distinct_ngram_fraction(texts, 4), torch.tensor([0.5, 0.5, 0.0, 0.0, 0.8]))
    assert dqo_verl.distinct_ngram_fraction(["a b"], 2).tolist() == [1.0]
    assert dqo_verl.distinct_ngram_fraction(["a b", "a b"], 2).tolist() == [0.0, 0.0]
