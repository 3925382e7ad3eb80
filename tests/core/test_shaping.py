"""From quality and features to shaped rewards and metrics, without verl or Ray."""

import math

import pytest
import torch

import dqo_verl
from dqo_verl.core.features import Features
from dqo_verl.core.measures import MEASURES
from dqo_verl.core.settings import parse
from dqo_verl.core.shaping import shape

LOG2 = math.log(2)


def given(letters: str) -> Features:
    """Responses known beforehand: rows of an identity matrix, equal letters being equal responses, `_` a blank one."""
    alphabet = sorted(set(letters))
    rows = [alphabet.index(letter) for letter in letters]
    return Features(
        identities=list(letters),
        texts=[f"{letter} " * 5 for letter in letters],
        embeddings=torch.eye(len(alphabet))[rows] * torch.tensor([[letter != "_"] for letter in letters]),
        classes=torch.tensor(rows),
        log_probs=torch.tensor([float(letters.count(letter)) for letter in letters]),
        lengths=torch.ones(len(letters)),
    )


def settings(**values):
    return parse({"measure": "dpp"} | values)


def test_dqo():
    quality = torch.tensor([1.0, 0.0, 1.0, 0.5, 0.5])
    shaped = shape(quality, ["p", "q", "p", "q", "p"], given("aabba"), settings(alpha=2.0))
    expected = torch.tensor([math.log(3 / 2), LOG2, LOG2, LOG2, math.log(3 / 2)])
    torch.testing.assert_close(shaped.score, expected)
    torch.testing.assert_close(shaped.to_reward, 2 * expected)
    assert shaped.to_advantage.tolist() == [0.0] * 5
    assert shaped.metrics["diversity/duplicates/frac"] == pytest.approx(1 / 5)
    assert shaped.metrics["diversity/score/max"] == pytest.approx(LOG2)


def test_darling():
    quality = torch.tensor([1.0, 1.0, 0.5, 0.0])
    shaped = shape(quality, ["p"] * 4, given("aabc"), settings(measure="partition", combine="multiply"))
    torch.testing.assert_close(shaped.score, torch.tensor([2 / 3, 2 / 3, 1.0, 1.0]))
    torch.testing.assert_close(quality + shaped.to_reward, torch.tensor([2 / 3, 2 / 3, 0.5, 0.0]))
    assert shaped.metrics["diversity/classes/mean"] == 3.0


def test_gate_compares_only_those_above_it():
    quality = torch.tensor([1.0, 0.0, 1.0, 0.0])
    shaped = shape(quality, ["p"] * 4, given("aaba"), settings(gate=0.5))
    torch.testing.assert_close(shaped.score, torch.tensor([LOG2, 0.0, LOG2, 0.0]))
    nobody = shape(torch.zeros(4), ["p"] * 4, given("aaba"), settings(gate=0.5))
    assert nobody.to_reward.tolist() == [0.0] * 4


def test_decoupled_leaves_the_reward_alone_and_centres_the_bonus():
    quality = torch.tensor([1.0, 0.0, 1.0])
    shaped = shape(quality, ["p"] * 3, given("aab"), settings(scale="decoupled", alpha=3.0))
    assert shaped.to_reward.tolist() == [0.0] * 3
    assert shaped.to_advantage.sum().abs() < 1e-6
    torch.testing.assert_close(
        shaped.to_advantage[2] - shaped.to_advantage[0], torch.tensor(3 * (LOG2 - math.log(3 / 2)))
    )


@pytest.mark.parametrize("quality", [[1.0, float("nan")], [float("inf"), 0.0]])
def test_a_quality_that_is_no_number_is_named(quality):
    with pytest.raises(FloatingPointError, match=r"the quality of response \d \(group p, '[ab] "):
        shape(torch.tensor(quality), ["p", "p"], given("ab"), settings())


@pytest.mark.parametrize(
    "typed", [{"unit": "gap"}, {"combine": "multiply", "quality_shift": "group_min"}], ids=["unit", "shift"]
)
def test_a_shaped_reward_that_is_no_number_is_named(typed):
    with pytest.raises(FloatingPointError, match=r"the shaped reward of response \d \(group p"):
        shape(torch.tensor([3.4e38, -3.4e38]), ["p", "p"], given("ab"), settings(**typed))


def test_switched_off_nothing_is_measured():
    shaped = shape(torch.tensor([0.3, 0.7]), ["p", "p"], given("ab"), settings(measure="none"))
    assert shaped.to_reward.tolist() == shaped.to_advantage.tolist() == [0.0, 0.0]
    assert shaped.metrics == {}


def test_nothing_changes_but_diversity_is_measured():
    quality = torch.tensor([0.3, 0.7])
    shaped = shape(quality, ["p", "p"], given("ab"), settings(alpha=0.0))
    assert shaped.to_reward.tolist() == shaped.to_advantage.tolist() == [0.0, 0.0]
    assert shaped.metrics["diversity/bonus/max"] == 0.0


@pytest.mark.parametrize("measure", sorted(MEASURES.keys() - {"none", "certainty", "equations"}))
def test_every_measure_prefers_the_odd_one_out(measure):
    shaped = shape(torch.ones(4), ["p"] * 4, given("aaab"), settings(measure=measure))
    assert shaped.score[3] > shaped.score[0]
    assert shaped.score[0] == shaped.score[1]
    alone = shape(torch.ones(1), ["p"], given("a"), settings(measure=measure))
    assert alone.score.isfinite().all()
    assert alone.metrics["diversity/singleton_groups"] == 1.0


def test_counts_groups_whose_signal_is_the_bonus_alone():
    quality = torch.tensor([1.0, 1.0, 1.0, 1.0, 0.0, 1.0])
    shaped = shape(quality, list("ppqqrr"), given("abaaab"), settings())
    # p: equal quality but orthogonal responses, q: duplicates, r: differs in quality
    assert shaped.metrics["diversity/bonus_only_groups/frac"] == 0.0
    shaped = shape(torch.ones(3), list("ppp"), given("aab"), settings())
    assert shaped.metrics["diversity/bonus_only_groups/frac"] == 1.0


def test_dpp_quality_is_the_pure_function():
    quality = torch.tensor([0.2, -1.0, 2.0])
    known = given("aab")
    shaped = shape(quality, ["p"] * 3, known, settings(measure="dpp_quality", combine="only", alpha=0.7))
    expected = 0.7 * dqo_verl.loo_logdet_quality(dqo_verl.linear_kernel(known.embeddings), quality, 0.7)
    torch.testing.assert_close(quality + shaped.to_reward, expected)


def test_a_weight_is_for_those_that_were_compared_whatever_their_credit():
    quality = torch.tensor([1.0, 1.0, 1.0, 0.0])
    typed = {"measure": "uniqueness", "classes": "answer", "gate": 0.5, "credit": "pkpo", "sets_of": 2}
    shaped = shape(quality, ["p"] * 4, given("aabc"), parse(typed))
    torch.testing.assert_close(shaped.factor, torch.tensor([0.5, 0.5, 1.0, 1.0]))
    blank = shape(quality, ["p"] * 4, given("ab__"), settings(measure="pairwise", combine="weigh"))
    assert blank.factor[2:].tolist() == [1.0, 1.0], "no response, but a wrong one all the same"


@pytest.mark.parametrize("measure", sorted(name for name, kind in MEASURES.items() if kind.reads == "embeddings"))
def test_blank_responses_get_no_bonus_and_change_no_other_row(measure):
    quality = torch.ones(6)
    among_blanks = shape(quality, ["p"] * 6, given("ab_ab_"), settings(measure=measure))
    without = shape(quality[:4], ["p"] * 4, given("abab"), settings(measure=measure))
    assert among_blanks.score[[2, 5]].tolist() == [0.0, 0.0]
    torch.testing.assert_close(among_blanks.score[[0, 1, 3, 4]], without.score)
