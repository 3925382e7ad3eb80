"""Every wrong setting is refused with what to type instead."""

import dataclasses

import pytest

from dqo_verl.core.methods import MEASURES, METHODS
from dqo_verl.core.settings import DEFAULT_COSINE, Settings, resolve
from dqo_verl.errors import UserError

BASES = ("grpo", "gae", "rloo", "reinforce_plus_plus", "gdpo", "remax")


def test_one_switch_is_enough():
    dqo, darling = resolve("dqo", None, {}, BASES), resolve("darling", None, {}, BASES)
    assert (dqo.diversity, dqo.combine, dqo.base, dqo.alpha, dqo.reads) == ("dpp", "add", "grpo", 1.0, "embeddings")
    assert (darling.diversity, darling.combine, darling.base, darling.floor) == ("partition", "multiply", "grpo", 0.0)
    assert (darling.cosine_threshold, darling.rule) == (DEFAULT_COSINE, "first_member")
    assert resolve("darling", None, {"classifier": "x"}, BASES).rule == "components"
    assert resolve("darling", None, {"partition": "components"}, BASES).rule == "components"


@pytest.mark.parametrize("measure", MEASURES)
def test_a_measure_on_a_plain_command_shapes_its_estimator(measure):
    settings = resolve("gae", measure, {}, BASES)
    assert (settings.base, settings.diversity, settings.combine) == ("gae", measure, MEASURES[measure].combine)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("measure", MEASURES)
def test_any_measure_goes_with_any_method(method, measure):
    assert resolve(method, measure, {}, BASES).diversity == measure


def test_without_diversity_there_is_nothing_to_do():
    assert resolve("grpo", None, {}, BASES) is None


def test_numbers_may_be_typed_without_a_point():
    assert resolve("dqo", None, {"alpha": 2, "gate": 0}, BASES).alpha == 2.0


def test_what_leaves_the_base_untouched():
    assert resolve("dqo", None, {"alpha": 0}, BASES).changes_nothing
    assert resolve("dqo", "none", {"alpha": 5}, BASES).changes_nothing
    assert not resolve("dqo", None, {}, BASES).changes_nothing
    assert not resolve("darling", None, {}, BASES).changes_nothing


REFUSED = [
    (
        "dqo",
        "vendi",
        {},
        "Choose one of: dpp, dpp_quality, pairwise, partition, ngram, graph_cut, deviation, likelihood, surprisal, none",
    ),
    ("dqo", None, {"aplha": 1}, r"Did you mean \+algorithm.diversity.alpha=1"),
    ("dqo", None, {"measure": "ngram"}, r"Write \+reward_model.diversity=ngram"),
    ("dqo", None, {"alpha": "big"}, "must be float"),
    ("dqo", None, {"alpha": True}, "must be float"),
    ("dqo", None, {"alpha": float("nan")}, "finite"),
    ("dqo", None, {"alpha": -1}, "at least 0"),
    ("dqo", None, {"ngram": 2.5}, "must be int"),
    ("dqo", None, {"scale": "std"}, "Choose one of: raw, decoupled"),
    ("dqo", None, {"base": "dqo"}, "cannot be based on itself"),
    ("dqo", None, {"base": "ppo"}, "not registered in verl. Choose one of: gae, grpo, reinforce_plus_plus, rloo"),
    ("dqo", None, {"base": "gdpo"}, "does not fetch"),
    ("remax", "dpp", {}, "greedy baseline"),
    ("grpo", "dpp", {"base": "gae"}, "Two base estimators"),
    ("grpo", None, {"alpha": 1}, r"Add \+reward_model.diversity=dpp"),
    ("darling", None, {"alpha": 1}, "no effect"),
    ("dqo", None, {"floor": 0.1}, "no effect"),
    ("dqo", None, {"bandwidth": 0.5}, "no effect"),
    ("dqo", None, {"threshold": 0.5}, "no effect"),
    ("darling", None, {"embedder": "x", "classifier": "y"}, "no effect"),
    ("darling", None, {"scale": "decoupled"}, "use scale=raw"),
    ("darling", None, {"floor": 1.5}, "between 0 and 1"),
    ("dqo", "dpp_quality", {"alpha": 0}, "above 0"),
    ("dqo", "dpp_quality", {"gate": 0.5}, "gate"),
    ("dqo", None, {"placement": "tpu"}, "cpu, gpu, shared"),
]


@pytest.mark.parametrize(("estimator", "measure", "typed", "message"), REFUSED)
def test_refused_with_what_to_type(estimator, measure, typed, message):
    with pytest.raises(UserError, match=message):
        resolve(estimator, measure, typed, BASES)


def test_settings_survive_the_trip_through_the_config():
    settings = resolve("dqo", "pairwise", {"alpha": 0.5, "gate": 0.1}, BASES)
    assert Settings(**dataclasses.asdict(settings)) == settings
