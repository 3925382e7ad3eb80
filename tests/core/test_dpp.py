"""Leave-one-out log-determinant against brute force in float64, closed forms and properties."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import dqo_verl


def unit_rows(seed: int, n: int, d: int = 12, duplicates: int = 0, zeros: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    rows = torch.nn.functional.normalize(torch.randn(n, d, generator=generator, dtype=torch.float64), dim=-1)
    rows[1 : 1 + duplicates] = rows[0]
    if zeros:
        rows[-zeros:] = 0
    return rows


def brute_force(kernel: torch.Tensor) -> torch.Tensor:
    """Two determinants per response, as the definition says."""
    k = len(kernel)
    whole = torch.logdet(kernel + torch.eye(k, dtype=kernel.dtype))
    gains = []
    for i in range(k):
        rest = [j for j in range(k) if j != i]
        without = kernel[rest][:, rest] + torch.eye(k - 1, dtype=kernel.dtype)
        gains.append(whole - (torch.logdet(without) if rest else 0.0))
    return torch.stack(gains)


group = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**31),
        "n": st.integers(1, 64),
        "duplicates": st.integers(0, 8),
        "zeros": st.integers(0, 3),
    }
).map(
    lambda g: unit_rows(g["seed"], g["n"], duplicates=min(g["duplicates"], g["n"] - 1), zeros=min(g["zeros"], g["n"]))
)


@given(group)
def test_equals_brute_force(rows):
    kernel = dqo_verl.linear_kernel(rows)
    torch.testing.assert_close(dqo_verl.loo_logdet(kernel), brute_force(kernel), rtol=0, atol=1e-10)


@given(group)
def test_bounds(rows):
    scores = dqo_verl.leave_one_out_logdet(rows)
    present = rows.norm(dim=-1) > 0
    assert (scores[present] >= math.log(1 + 1 / len(rows)) - 1e-12).all()
    assert (scores[present] <= math.log(2) + 1e-12).all()
    assert (scores[~present] == 0).all()


@given(group, st.integers(0, 2**31), st.floats(0, 1))
def test_below_this_alpha_no_wrong_response_overtakes_a_right_one(rows, seed, share):
    k, present = len(rows), rows.norm(dim=-1) > 0
    right = (torch.rand(k, generator=torch.Generator().manual_seed(seed)) < 0.5) & present
    alpha = share / (math.log(2) - math.log(1 + 1 / k)) if k > 1 else share
    shaped = right + alpha * dqo_verl.leave_one_out_logdet(rows)
    if right.any() and not right.all():
        assert shaped[right].min() >= shaped[~right].max() - 1e-9


@given(group, st.randoms(use_true_random=False))
def test_permutation_equivariant(rows, random):
    order = list(range(len(rows)))
    random.shuffle(order)
    torch.testing.assert_close(dqo_verl.leave_one_out_logdet(rows[order]), dqo_verl.leave_one_out_logdet(rows)[order])


@pytest.mark.parametrize("k", [1, 2, 8, 64])
def test_closed_forms(k):
    identical = torch.nn.functional.normalize(torch.ones(k, 5, dtype=torch.float64), dim=-1)
    orthogonal = torch.eye(k, dtype=torch.float64)
    for dtype, atol in ((torch.float64, 1e-12), (torch.float32, 1e-6)):
        scores = dqo_verl.leave_one_out_logdet(identical.to(dtype))
        assert scores.dtype == dtype
        torch.testing.assert_close(scores, torch.full((k,), math.log((k + 1) / k), dtype=dtype), rtol=0, atol=atol)
        torch.testing.assert_close(
            dqo_verl.leave_one_out_logdet(orthogonal.to(dtype)), torch.full((k,), math.log(2), dtype=dtype)
        )
    assert dqo_verl.set_logdet(dqo_verl.linear_kernel(identical)).item() == pytest.approx(math.log(1 + k))
    assert dqo_verl.set_logdet(dqo_verl.linear_kernel(orthogonal)).item() == pytest.approx(k * math.log(2))


@given(st.lists(st.integers(0, 5), min_size=1, max_size=40), st.integers(0, 2**31))
def test_unequal_interleaved_groups_in_one_call(labels, seed):
    rows = unit_rows(seed, len(labels))
    scores = dqo_verl.leave_one_out_logdet(rows, labels)
    for label in set(labels):
        members = [i for i, other in enumerate(labels) if other == label]
        torch.testing.assert_close(scores[members], brute_force(dqo_verl.linear_kernel(rows[members])))


@given(group, st.floats(0.1, 5), st.integers(0, 2**31))
def test_reward_augmented_kernel_equals_its_definition(rows, alpha, seed):
    reward = torch.randn(len(rows), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    reward = reward.clamp(max=20 * alpha)  # beyond it the docstring promises less
    kernel = dqo_verl.linear_kernel(rows)
    weight = (reward / (2 * alpha)).exp()
    augmented = kernel * weight.unsqueeze(-1) * weight.unsqueeze(-2)
    actual = dqo_verl.loo_logdet_quality(kernel, reward, alpha)
    torch.testing.assert_close(actual, brute_force(augmented), rtol=1e-6, atol=1e-5)


@given(group, st.lists(st.floats(-1e6, 1e6), min_size=64, max_size=64), st.floats(1e-3, 1e3))
def test_reward_augmented_kernel_stays_finite(rows, rewards, alpha):
    reward = torch.tensor(rewards[: len(rows)], dtype=torch.float64)
    scores = dqo_verl.loo_logdet_quality(dqo_verl.linear_kernel(rows), reward, alpha)
    assert scores.isfinite().all()
    assert (scores >= -1e-6).all()


def test_lone_orthogonal_response_gets_softplus_of_its_reward():
    reward = torch.tensor([-40.0, -1.0, 0.0, 3.0, 1000.0], dtype=torch.float64)
    scores = dqo_verl.loo_logdet_quality(torch.eye(5, dtype=torch.float64), reward, 2.0)
    torch.testing.assert_close(scores, torch.nn.functional.softplus(reward / 2, threshold=1e9), rtol=1e-8, atol=1e-8)


def test_gaussian_kernel():
    rows = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]], dtype=torch.float64)
    off = math.exp(-2 / (2 * 0.5**2))
    expected = torch.tensor([[1.0, off, 0.0], [off, 1.0, 0.0], [0.0, 0.0, 0.0]], dtype=torch.float64)
    torch.testing.assert_close(dqo_verl.gaussian_kernel(rows, 0.5), expected)


def test_import_is_light(tmp_path):
    import subprocess
    import sys

    code = (
        "import sys, time, torch; start = time.perf_counter(); before = set(sys.modules); import dqo_verl;"
        "new = {m.split('.')[0] for m in set(sys.modules) - before} - {'dqo_verl'} - set(sys.stdlib_module_names);"
        "print(sorted(new), time.perf_counter() - start)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path).stdout
    assert out.startswith("[] "), out
