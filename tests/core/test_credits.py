"""Credits against their definitions, by brute force over all sets."""

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dqo_verl import Features, UserError, parse, shape
from dqo_verl.core.credits import CREDITS
from dqo_verl.core.credits.focal import Focal
from dqo_verl.core.credits.maxrl import MaxRL
from dqo_verl.core.credits.pass_at_k import PassTraining, Pkpo, set_means
from dqo_verl.core.shaping import credited

GROUPS = st.lists(st.integers(-4, 4).map(float), min_size=2, max_size=7)
BINARY = st.lists(st.sampled_from([0.0, 1.0]), min_size=2, max_size=8)


def over_sets(rewards, m):
    """Means of the largest: of the sets with each response, of those without it, of all; and the values of all."""
    sets = list(itertools.combinations(range(len(rewards)), m))
    best = {chosen: max(rewards[i] for i in chosen) for chosen in sets}

    def mean(which):
        found = [best[chosen] for chosen in sets if which(chosen)]
        return sum(found) / len(found) if found else math.nan

    own = range(len(rewards))
    return (
        [mean(lambda s, i=i: i in s) for i in own],
        [mean(lambda s, i=i: i not in s) for i in own],
        list(best.values()),
    )


def of(credit, rewards):
    return credit(torch.tensor([rewards], dtype=torch.float64))[0]


@given(rewards=GROUPS, data=st.data())
def test_means_over_sets_are_those_of_all_sets(rewards, data):
    m = data.draw(st.integers(1, len(rewards)))
    with_i, mean, variance = set_means(torch.tensor([rewards], dtype=torch.float64), m)
    expected, _, everything = over_sets(rewards, m)
    torch.testing.assert_close(with_i[0], torch.tensor(expected, dtype=torch.float64), atol=1e-9, rtol=0)
    assert mean.item() == pytest.approx(sum(everything) / len(everything), abs=1e-9)
    assert variance.item() == pytest.approx(torch.tensor(everything).double().var(correction=0).item(), abs=1e-9)


@given(rewards=GROUPS, data=st.data())
def test_pkpo_is_the_best_of_a_set_with_it_less_that_without(rewards, data):
    m = data.draw(st.integers(1, len(rewards) - 1))
    with_i, without_i, _ = over_sets(rewards, m)
    expected = torch.tensor([a - b for a, b in zip(with_i, without_i, strict=True)], dtype=torch.float64)
    found = of(Pkpo(sets_of=m), rewards)
    torch.testing.assert_close(found, expected, atol=1e-9, rtol=0)
    assert found.sum().item() == pytest.approx(0, abs=1e-8), "a base that subtracts the mean leaves it"


@given(rewards=GROUPS, data=st.data())
def test_pass_training_is_grpo_over_sets(rewards, data):
    m = data.draw(st.integers(1, len(rewards) - 1))
    with_i, _, everything = over_sets(rewards, m)
    spread = torch.tensor(everything).double().std(correction=0).item()
    mean = sum(everything) / len(everything)
    expected = [(value - mean) / spread if spread > 1e-9 else 0.0 for value in with_i]
    torch.testing.assert_close(
        of(PassTraining(sets_of=m), rewards), torch.tensor(expected, dtype=torch.float64), atol=1e-6, rtol=0
    )


def test_pass_training_has_the_papers_closed_form():
    """Advantages of right and wrong responses, arXiv 2508.10751, section 3."""
    k, m, right = 8, 4, 2
    mean = 1 - math.comb(k - right, m) / math.comb(k, m)
    spread = math.sqrt(mean * (1 - mean))
    wrong = (1 - mean - math.comb(k - right - 1, m - 1) / math.comb(k - 1, m - 1)) / spread
    found = of(PassTraining(sets_of=m), [1.0] * right + [0.0] * (k - right))
    expected = torch.tensor([(1 - mean) / spread] * right + [wrong] * (k - right), dtype=torch.float64)
    torch.testing.assert_close(found, expected, atol=1e-9, rtol=0)


@given(rewards=GROUPS)
def test_sets_of_one_are_grpo(rewards):
    k, quality = len(rewards), torch.tensor(rewards, dtype=torch.float64)
    centred = quality - quality.mean()
    torch.testing.assert_close(of(Pkpo(sets_of=1), rewards), centred * k / (k - 1), atol=1e-9, rtol=0)
    spread = quality.std(correction=0)
    expected = centred / spread if spread > 1e-9 else torch.zeros_like(quality)
    torch.testing.assert_close(of(PassTraining(sets_of=1), rewards), expected, atol=1e-6, rtol=0)


@given(rewards=BINARY)
def test_maxrl_is_the_reward_in_units_of_the_success_rate(rewards):
    quality = torch.tensor(rewards, dtype=torch.float64)
    credit, mean = of(MaxRL(), rewards), quality.mean()
    expected = (quality - mean) / mean if mean > 0 else torch.zeros_like(quality)
    torch.testing.assert_close(credit - credit.mean(), expected, atol=1e-9, rtol=0)


@given(rewards=BINARY, gamma=st.floats(0, 4))
def test_focal_weighs_the_advantage_of_a_group(rewards, gamma):
    quality = torch.tensor(rewards, dtype=torch.float64)
    credit, mean = of(Focal(focal_gamma=gamma), rewards), quality.mean()
    torch.testing.assert_close(credit - credit.mean(), (quality - mean) * (1 - mean) ** gamma, atol=1e-9, rtol=0)


@pytest.mark.parametrize("credit", [MaxRL(), Focal()])
def test_only_right_and_wrong_can_be_weighed(credit):
    with pytest.raises(UserError, match=r"is for rewards of 0 and 1, but one reward is 0.5"):
        of(credit, [0.0, 0.5, 1.0])


@pytest.mark.parametrize("name", CREDITS)
def test_degenerate_groups(name):
    credit = CREDITS[name]()
    for rewards in ([1.0], [0.0], [0.0] * 4, [1.0] * 8):
        found = of(credit, rewards)
        assert found.isfinite().all()
        assert (found - found.mean()).abs().max() <= 1e-9
    # fewer than a set
    assert of(credit, [1.0, 0.0]).isfinite().all()


@pytest.mark.parametrize("name", CREDITS)
def test_a_large_group_is_exact_enough(name):
    quality = (torch.rand(1, 512, generator=torch.Generator().manual_seed(0)) < 0.3).double()
    found = CREDITS[name]()(quality)
    assert found.isfinite().all()
    assert CREDITS[name]()(quality.float()).double() == pytest.approx(found, abs=1e-4)


def test_groups_of_any_size_stand_side_by_side():
    quality = torch.tensor([1.0, 0.0, 1.0, 0.0, 0.0, 1.0])
    found = credited(quality, ["a", "b", "a", "a", "b", "c"], parse({"method": "maxrl"}))
    torch.testing.assert_close(found, torch.tensor([1.5, 0.0, 1.5, 0.0, 0.0, 1.0]))


def test_a_method_without_diversity_needs_no_features():
    quality = torch.tensor([1.0, 0.0, 0.0, 0.0])
    shaped = shape(quality, ["a"] * 4, Features(range(4)), parse({"method": "maxrl"}))
    torch.testing.assert_close(quality + shaped.to_reward, torch.tensor([4.0, 0.0, 0.0, 0.0]))
    assert shaped.metrics == {}


def test_a_measure_stands_beside_a_credit():
    quality, embeddings = torch.tensor([1.0, 0.0, 1.0]), torch.eye(3)
    features = Features(range(3), embeddings=embeddings)
    plain = shape(quality, ["a"] * 3, features, parse({"method": "dqo", "alpha": 2.0}))
    both = shape(quality, ["a"] * 3, features, parse({"method": "maxrl", "measure": "dpp", "alpha": 2.0}))
    torch.testing.assert_close(both.score, plain.score)
    torch.testing.assert_close(both.to_reward - plain.to_reward, torch.tensor([0.5, 0.0, 0.5]))
    apart = shape(quality, ["a"] * 3, features, parse({"method": "dqo", "credit": "maxrl", "scale": "decoupled"}))
    torch.testing.assert_close(apart.to_reward, torch.tensor([0.5, 0.0, 0.5]))


def test_what_is_said_and_refused():
    assert parse({"method": "maxrl"}).in_words(8) == "reward / mean of its group, 8 responses per prompt, on grpo"
    assert "gain for the best of a set + 1.0 x" in parse({"method": "dqo", "credit": "pkpo"}).in_words(8)
    assert parse({"method": "maxrl"}).flat()["credit"] == "maxrl"
    assert parse(parse({"method": "pkpo", "sets_of": 3}).flat()) == parse({"method": "pkpo", "sets_of": 3})
    with pytest.raises(
        UserError, match=r"sets_of=4 has no effect: sets_of belongs to credit=pkpo or pass_training, and the credit is"
    ):
        parse({"method": "dqo", "sets_of": 4})
    with pytest.raises(
        UserError, match=r"alpha=2 has no effect: this method measures no diversity. Leave it out, or add measure=dpp"
    ):
        parse({"method": "maxrl", "alpha": 2})
    with pytest.raises(UserError, match=r"alpa does not exist. Did you mean alpha=2"):
        parse({"method": "maxrl", "alpa": 2})
    assert parse({"method": "maxrl", "measure": "none", "alpha": 2}).credit.name == "maxrl", (
        "the off switch takes any key"
    )
    with pytest.raises(UserError, match=r"rollout.n=4 is too small: sets_of=4 needs more responses to a prompt"):
        parse({"method": "pkpo"}).credit.refuse_too_few(4, "rollout.n=4")
    with pytest.raises(UserError, match=r"credit=maxlr is not known\. Did you mean credit=maxrl\?"):
        parse({"method": "dqo", "credit": "maxlr"})
