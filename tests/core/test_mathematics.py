"""What docs/mathematics.md says: one number on three scales, classes as its special case, and what GRPO climbs."""

import itertools
import math
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dqo_verl import distinct_fraction, linear_kernel, loo_logdet, set_logdet
from dqo_verl.core.measures.elliptical import Elliptical

K_OF_ALPHA = {2: 3.48, 4: 2.13, 8: 1.74, 16: 1.58, 32: 1.51}


def unit(seed: int, k: int, d: int) -> torch.Tensor:
    rows = torch.randn(k, d, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.normalize(rows, dim=-1)


def surprise(h: torch.Tensor, i: int) -> torch.Tensor:
    others = torch.cat([h[:i], h[i + 1 :]])
    return h[i] @ torch.linalg.solve(torch.eye(h.shape[1], dtype=h.dtype) + others.T @ others, h[i])


@given(st.integers(0, 2**31), st.integers(2, 6), st.integers(1, 5))
def test_one_number_on_three_scales(seed, k, d):
    h = unit(seed, k, d)
    s = torch.stack([surprise(h, i) for i in range(k)])
    everything = torch.linalg.solve(torch.eye(d, dtype=h.dtype) + h.T @ h, h.T)
    torch.testing.assert_close(loo_logdet(linear_kernel(h)), torch.log1p(s))
    torch.testing.assert_close((h * everything.T).sum(-1), s / (1 + s))
    assert (s >= 1 / k - 1e-9).all()
    assert (s <= 1 + 1e-9).all()


@pytest.mark.parametrize("form", ["left_out", "leverage"])
def test_repexp_is_what_the_page_calls_it(form):
    h = unit(0, 5, 3)
    s = torch.stack([surprise(h, i) for i in range(5)])
    found = Elliptical(form=form)(SimpleNamespace(embeddings=h[None]))
    torch.testing.assert_close(found[0], s if form == "left_out" else s / (1 + s))


def test_with_classes_it_is_one_over_the_size_of_the_class():
    labels = torch.tensor([0, 0, 0, 1, 2, 2])
    same = (labels[:, None] == labels).double()
    sizes = same.sum(-1)
    torch.testing.assert_close(loo_logdet(same), torch.log1p(1 / sizes))
    torch.testing.assert_close(distinct_fraction(same > 0).double(), (6 - sizes) / 5)


def test_grpo_climbs_the_score_of_one_response_less():
    """All groups of three from a policy over four answers, by enumeration: the expected update is the gradient of L_2."""
    h, k = unit(1, 4, 3), 3
    logits = torch.randn(4, dtype=torch.float64, generator=torch.Generator().manual_seed(2)).requires_grad_()
    kernel = linear_kernel(h)

    def expected_score(m: int) -> torch.Tensor:
        p = logits.softmax(-1)
        groups = [list(one) for one in itertools.product(range(4), repeat=m)]
        return sum((p[one].prod() * set_logdet(kernel[one][:, one]) for one in groups), torch.zeros(()).double())

    gradients = {m: torch.autograd.grad(expected_score(m), logits)[0] for m in (1, 2, 3)}
    p, plain, centred = logits.softmax(-1).detach(), torch.zeros(4).double(), torch.zeros(4).double()
    for one in map(list, itertools.product(range(4), repeat=k)):
        d = loo_logdet(kernel[one][:, one])
        for i, answer in enumerate(one):
            of_log = torch.nn.functional.one_hot(torch.tensor(answer), 4) - p
            plain += p[one].prod() * d[i] * of_log
            centred += p[one].prod() * (d[i] - d.mean()) * of_log
    torch.testing.assert_close(plain, gradients[3])
    torch.testing.assert_close(centred, gradients[2])
    # one response scores log 2 whatever it says: with k = 2 GRPO has nothing to climb
    torch.testing.assert_close(gradients[1], torch.zeros(4).double())


@pytest.mark.parametrize(("k", "bound"), K_OF_ALPHA.items())
def test_the_bound_of_alpha(k, bound):
    assert 1 / (math.log(2) - math.log(1 + 1 / k)) == pytest.approx(bound, abs=0.006)
