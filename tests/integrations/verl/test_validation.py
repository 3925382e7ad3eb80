"""Unbiased pass@k, distinct correct answers and the table of one prompt, in the validation of verl's trainers."""

from itertools import combinations
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqo_verl.integrations.verl import validation
from dqo_verl.integrations.verl.validation import Samples, metrics, one_prompt, pass_at_k

from .conftest import compose, prepared


@given(st.lists(st.booleans(), min_size=1, max_size=9), st.data())
def test_pass_at_k_is_the_share_of_all_subsets_that_hold_a_correct_response(correct, data):
    k = data.draw(st.integers(1, len(correct)))
    subsets = list(combinations(correct, k))
    expected = sum(map(any, subsets)) / len(subsets)
    assert pass_at_k(len(correct), sum(correct), k) == pytest.approx(expected)


UIDS = ["x", "x", "x", "x", "y", "y", "y", "y"]
OUTPUTS = ["So #### 4", "so  #### 4 and noise", "Then #### 4", "no", "a #### 1", "a #### 1", "b", "b"]
ACC = [1, 1, 1, 0, 0, 0, 0, 1.0]
SAMPLES = Samples(["2 + 2"] * 4 + ["1 + 1"] * 4, OUTPUTS, ACC)


def test_the_numbers_of_a_validation():
    found = metrics(["sums"] * 8, UIDS, {"reward": [0.5] * 8, "acc": ACC}, SAMPLES)
    assert found == pytest.approx(
        {
            "val-core/sums/acc/pass@1": 0.5,
            "val-core/sums/acc/pass@2": (1.0 + 0.5) / 2,
            "val-core/sums/acc/pass@4": 1.0,
            # two of x differ, and one of y is correct
            "val-core/sums/acc/distinct_correct@4": (2 + 1) / 2,
        }
    )


def test_sources_are_kept_apart_and_a_lost_response_bounds_k():
    found = metrics(["a"] * 4 + ["b"] * 3, UIDS[:7], {"reward": ACC[:7]}, SAMPLES)
    assert {key for key in found if "/a/" in key and "pass" in key} == {
        f"val-core/a/reward/pass@{k}" for k in (1, 2, 4)
    }
    assert found["val-core/b/reward/distinct_correct@3"] == 0
    assert found["val-core/b/reward/pass@3"] == 0
    # x has four and y three: distinct ones are counted among three of each
    uneven = metrics(["a"] * 7, UIDS[:7], {"reward": [1] * 7}, Samples([""] * 7, list("abcdefg"), [1] * 7))
    assert uneven["val-core/a/reward/distinct_correct@3"] == 3


def test_responses_that_failed_count_as_wrong_as_in_verls_accuracy():
    rows = [0, 1, 4, 5, 6, 7]
    some = Samples(*([column[row] for row in rows] for column in (SAMPLES.inputs, OUTPUTS, ACC)))
    expected = {("a", "x"): 4, ("a", "y"): 4, ("a", "z"): 4}
    found = metrics(["a"] * 6, [UIDS[row] for row in rows], {"acc": [ACC[row] for row in rows]}, some, expected)
    # x: 2 of 4, y: 1 of 4, z: none of 4
    assert found["val-core/a/acc/pass@1"] == pytest.approx((2 + 1 + 0) / 12)
    assert found["val-core/a/acc/distinct_correct@4"] == pytest.approx((1 + 1 + 0) / 3)


def test_each_source_has_the_variable_that_verl_chooses_for_it():
    reported = {"reward": [1.0] * 4 + [0.0] * 4, "acc": [None] * 4 + [np.bool_(True), None, np.array([1, 2]), 1]}
    found = metrics(["sums"] * 4 + ["math"] * 2, UIDS[:6], reported, SAMPLES)
    assert found["val-core/sums/reward/pass@1"] == 1
    assert found["val-core/math/acc/pass@1"] == 0.5
    odd = metrics(
        ["math"] * 4,
        UIDS[4:],
        {"acc": reported["acc"][4:], "reward": [0.0] * 4},
        Samples(*(c[4:] for c in (SAMPLES.inputs, OUTPUTS, ACC))),
    )
    assert list(odd) == ["val-core/math/acc/distinct@4"]


def test_a_reward_that_is_no_verdict_has_no_pass_at_k():
    found = metrics(["chat"] * 8, UIDS, {"reward": [0.3] * 8}, SAMPLES)
    # what follows the answer does not count
    assert found == {"val-core/chat/reward/distinct@4": (3 + 2) / 2}


def test_the_table_shows_the_same_prompt_each_time():
    rows = one_prompt(UIDS, SAMPLES, 4)
    assert [text for _, text, _ in rows] == [
        "[answer 1 of 2 distinct] a #### 1",
        "[answer 1 of 2 distinct] a #### 1",
        "[answer 2 of 2 distinct] b",
        "[answer 2 of 2 distinct] b",
    ]
    assert {prompt for prompt, _, _ in rows} == {"1 + 1"}
    assert [score for *_, score in rows] == ACC[4:]
    order = [7, 3, 5, 0, 6, 1, 4, 2]
    shuffled = Samples(*([column[i] for i in order] for column in (SAMPLES.inputs, OUTPUTS, ACC)))
    assert {prompt for prompt, _, _ in one_prompt([UIDS[i] for i in order], shuffled, 4)} == {"1 + 1"}
    # wandb's table keeps its width
    assert len(one_prompt(UIDS[:7], SAMPLES, 4)) == 4
    assert one_prompt(UIDS[:7], SAMPLES, 4)[-1] == ("1 + 1", "[this response failed]", 0.0)


@pytest.mark.parametrize("kind", ["V1", "holds its batch"])
@pytest.mark.parametrize(
    ("typed", "asked", "shown"),
    [
        (["algorithm.adv_estimator=dqo"], True, 1),
        (["algorithm.adv_estimator=grpo", "+reward_model.diversity=none"], True, 1),
        (["algorithm.adv_estimator=dqo", "+trainer.validate_diversity=false"], False, 0),
        (["algorithm.adv_estimator=grpo"], False, 0),
        (["algorithm.adv_estimator=dqo", "trainer.log_val_generations=3"], True, 0),
    ],
)
def test_verls_own_validation_gains_them(kind, typed, asked, shown, monkeypatch):
    """Through verl's two methods, as its validation calls them one after the other."""
    from verl.trainer.ppo.ray_trainer import RayPPOTrainer
    from verl.trainer.ppo.v1 import get_trainer_cls

    plain = compose("algorithm.adv_estimator=grpo")
    config = plain if typed == ["algorithm.adv_estimator=grpo"] else prepared(*typed)
    trainer, tables = object.__new__(get_trainer_cls("sync") if kind == "V1" else RayPPOTrainer), []
    trainer.config, trainer.global_steps = config, 7
    trainer.validation_generations_logger = SimpleNamespace(log=lambda *shown: tables.append(shown))
    trainer._maybe_log_val_generations(inputs=SAMPLES.inputs, outputs=OUTPUTS, scores=ACC)
    of_verl = len(tables)
    found = trainer._val_metrics_update(["sums"] * 8, UIDS, {"reward": [0.5] * 8, "acc": ACC}, [])
    assert ("val-core/sums/acc/pass@2" in found) == asked
    assert "val-core/sums/acc/mean@4" in found
    assert len(tables) - of_verl == shown
    assert all(step == 7 for _, _, step in tables)


def test_a_logger_that_takes_no_table_ends_no_run(capsys):
    from verl.trainer.ppo.ray_trainer import RayPPOTrainer

    trainer = object.__new__(RayPPOTrainer)
    trainer.config, trainer.global_steps = prepared("algorithm.adv_estimator=dqo"), 7
    trainer.validation_generations_logger = SimpleNamespace(log=lambda *_: 1 / 0)
    trainer._dqo_verl_samples = SAMPLES
    found = trainer._val_metrics_update(["sums"] * 8, UIDS, {"reward": ACC}, [])
    assert "val-core/sums/reward/pass@2" in found
    assert "could not be logged: division by zero" in capsys.readouterr().out
    trainer._dqo_verl_samples = Samples([], [], [])
    assert trainer._val_metrics_update([], [], {"reward": []}, []) == {}


def test_the_switch_is_known():
    assert validation.is_on(prepared("algorithm.adv_estimator=dqo"))
    with pytest.raises(ValueError, match=r"mean \+trainer.validate_diversity=False\?"):
        prepared("algorithm.adv_estimator=dqo", "+trainer.validate_divrsity=false")
