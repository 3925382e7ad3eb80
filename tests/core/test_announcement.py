"""The first lines of a run, whatever the trainer; and the bound above which being different makes up for being wrong."""

import math

import pytest
import torch

from dqo_verl.core.announcement import Trainer, announcement, overtaking_alpha
from dqo_verl.core.measures.dpp import leave_one_out_logdet
from dqo_verl.core.settings import parse
from dqo_verl.errors import UserError

GRPO = Trainer(responses=8, responses_setting="n", compares_within=True, divides_by_std=False, without_std="std=False")


def lines(typed, trainer=GRPO):
    return announcement(parse(typed), trainer)


def test_a_preset_is_said_in_one_line():
    (line,) = lines({"method": "diverse"})
    assert line == (
        "[dqo_verl] reward + 2.0 x gap between rewards x leave-one-out log-determinant of all-MiniLM-L6-v2 embeddings, among "
        "responses with a reward above the mean, 8 responses per prompt, on grpo without std division"
    )


def test_what_differs_from_the_preset_is_the_second_line():
    assert lines({"method": "diverse", "alpha": 1.0})[1] == "[dqo_verl] set: alpha=1.0"
    assert lines({"method": "dqo", "gate": 0.5})[1] == "[dqo_verl] set: gate=0.5"


@pytest.mark.parametrize("k", [2, 4, 8, 16])
def test_above_the_bound_a_wrong_answer_can_overtake_a_right_one_and_below_it_cannot(k):
    """k - 1 right answers that say the same, and a wrong one that says something else: the widest that bonuses can be apart."""
    bound = 1 / (math.log(2) - math.log(1 + 1 / k))
    alike, unlike = math.log(1 + 1 / k), math.log(2)
    assert (0.0 + bound * unlike) - (1.0 + bound * alike) == pytest.approx(0)
    embeddings = torch.eye(2, dtype=torch.float64)[[0] * (k - 1) + [1]]
    d = leave_one_out_logdet(embeddings)
    assert d.min() >= alike - 1e-9
    assert d.max() <= unlike + 1e-9
    at = overtaking_alpha(parse({"method": "dqo", "alpha": bound * 1.01}), k)
    assert at == pytest.approx(bound)
    assert overtaking_alpha(parse({"method": "dqo", "alpha": bound * 0.99}), k) is None


@pytest.mark.parametrize(
    "typed",
    [
        {"method": "dqo", "alpha": 4.0, "gate": 0.5},
        {"method": "dqo", "alpha": 4.0, "scale": "decoupled"},
        {"measure": "pairwise", "alpha": 4.0},
        {"method": "darling"},
        {"method": "diverse", "alpha": 4.0},
    ],
)
def test_the_bound_is_of_raw_ungated_determinants(typed):
    assert overtaking_alpha(parse(typed), 8) is None


def test_a_run_above_the_bound_says_what_to_type():
    *_, note = lines({"method": "dqo", "alpha": 4.0})
    assert note.startswith(
        "[dqo_verl] note: above alpha=1.74 the bonus for being different can exceed a reward difference of 1"
    )
    assert "compare correct answers only: gate=0.5" in note


@pytest.mark.parametrize(
    ("typed", "advice"),
    [
        ({"method": "dqo"}, "alone, whatever alpha is. To avoid it: OFF or scale=decoupled."),
        ({"method": "diverse"}, "alone, whatever alpha is. To avoid it: OFF."),
        ({"measure": "dpp_quality"}, "alone, whatever alpha is. To avoid it: OFF."),
        ({"method": "darling"}, "alone. To avoid it: OFF."),
    ],
)
def test_what_is_advised_against_std_division_can_be_typed(typed, advice):
    divides = Trainer(responses=8, responses_setting="n", compares_within=True, divides_by_std=True, without_std="OFF")
    (note,) = [line for line in lines(typed, divides) if "with std division, groups" in line]
    assert note.endswith(advice)
    if "decoupled" in advice:
        assert parse(typed | {"scale": "decoupled"}).combine.scale == "decoupled"
    else:
        with pytest.raises(UserError):
            parse(typed | {"scale": "decoupled"})


@pytest.mark.parametrize(("measure", "cancels"), [("novelty", True), ("pairwise", True), ("uniqueness", False)])
def test_the_bonus_of_two_cancels_only_where_it_is_added(measure, cancels):
    two = Trainer(responses=2, responses_setting="n", compares_within=True, divides_by_std=None)
    assert any("the bonus cancels" in line for line in lines({"measure": measure}, two)) == cancels


def test_without_a_base_that_compares_across_groups_none_is_named():
    two = Trainer(responses=2, responses_setting="num_generations", compares_within=True, divides_by_std=None)
    *_, note = lines({"method": "dqo"}, two)
    assert note.endswith("with num_generations=2 the bonus cancels. Use at least 3.")


def test_decoupled_scaling_without_std_division_is_said_to_change_nothing():
    decoupled = {"method": "dqo", "scale": "decoupled"}
    *_, note = lines(decoupled)
    assert note.startswith("[dqo_verl] note: without std division scale=decoupled changes nothing")
    for divides in (True, None):
        trainer = Trainer(responses=8, responses_setting="n", compares_within=True, divides_by_std=divides)
        assert not [line for line in lines(decoupled, trainer) if "note:" in line]
    # it is so: with the mean of the group taken from both
    reward, d = torch.tensor([1.0, 0.0, 1.0, 1.0]), torch.tensor([0.5, 0.6, 0.2, 0.3])
    raw = (reward + d) - (reward + d).mean()
    torch.testing.assert_close((reward - reward.mean()) + (d - d.mean()), raw)
