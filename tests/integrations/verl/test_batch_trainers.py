"""verl's trainers that hold the batch themselves: the same numbers as the V1 trainer, from the same responses."""

from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import pad_sequence

from dqo_verl.integrations.verl import batch_seam

from .conftest import Row, prepared

TEXTS = ["4 + 5 = 9", "There are 9 apples in all.", "4 + 5 = 9", "Count on from 5: 5 + 4 = 8.", "alone"]
REWARDS = [1.0, 1.0, 0.0, 1.0, 0.5]
SAID = [{"acc": reward, "note": "not a number"} for reward in REWARDS]
# two prompts, which do not stand together
UIDS = ["a", "a", "b", "b", "a"]
KEYS = batch_seam.keys_of(UIDS)
ROWS = [
    Row(key, text, reward, value=0.1 * i, tool_text="a tool" if i == 1 else "", reported=said)
    for i, (key, text, reward, said) in enumerate(zip(KEYS, TEXTS, REWARDS, SAID, strict=True))
]


def test_the_samples_of_a_prompt_are_numbered():
    assert KEYS == ["a_0_0", "a_1_0", "b_0_0", "b_1_0", "a_2_0"]


@pytest.fixture
def held(tokenizer, service, monkeypatch):
    """`held(rows, *overrides)` -> (advantages, metrics) through `ray_trainer.compute_advantage`, as these trainers call it."""
    from tensordict import TensorDict
    from verl import DataProto
    from verl.trainer.ppo import ray_trainer

    def run(rows, *overrides, before=lambda data: None):
        config = prepared(*overrides)
        batch_seam._metrics.clear()
        monkeypatch.setattr(batch_seam, "_trainer", SimpleNamespace(config=config, tokenizer=tokenizer))
        fields = [row.fields(tokenizer) for row in rows]
        columns = {
            name: pad_sequence([one[name] for one in fields], batch_first=True)
            for name in ("responses", "response_mask", "old_log_probs", "values")
        }
        scores = pad_sequence([one["rm_scores"] for one in fields], batch_first=True)
        columns |= {"token_level_scores": scores, "token_level_rewards": scores}
        data = DataProto(
            batch=TensorDict(columns, batch_size=len(rows)),
            non_tensor_batch={
                "uid": np.array([row.key.rsplit("_", 2)[0] for row in rows], dtype=object),
                "acc": np.array([row.reported["acc"] for row in rows]),
                "note": np.array([row.reported["note"] for row in rows]),
            },
            meta_info={"reward_extra_keys": ["acc", "note"]},
        )
        before(data)
        algorithm = config.algorithm
        done = ray_trainer.compute_advantage(
            data,
            adv_estimator=algorithm.adv_estimator,
            gamma=algorithm.gamma,
            lam=algorithm.lam,
            num_repeat=config.actor_rollout_ref.rollout.n,
            norm_adv_by_std_in_grpo=algorithm.norm_adv_by_std_in_grpo,
            config=algorithm,
        )
        return done.batch["advantages"], dict(batch_seam._metrics)

    return run


@pytest.mark.parametrize(
    "typed",
    [
        ["algorithm.adv_estimator=dqo"],
        ["algorithm.adv_estimator=darling"],
        ["algorithm.adv_estimator=gae", "+reward_model.diversity=dpp"],
        ["algorithm.adv_estimator=rloo", "+reward_model.diversity=pairwise"],
        ["algorithm.adv_estimator=grpo", "+reward_model.diversity=likelihood"],
        ["algorithm.adv_estimator=grpo", "+reward_model.diversity=ngram"],
        ["algorithm.adv_estimator=dqo", "+algorithm.diversity.scale=decoupled"],
    ],
)
def test_the_same_numbers_as_in_the_v1_trainer(typed, held, advantages):
    expected, its_metrics = advantages(ROWS, *typed)
    found, metrics = held(ROWS, *typed)
    for row, own in zip(expected, found, strict=True):
        torch.testing.assert_close(own[: len(row)], row, atol=1e-5, rtol=1e-5)
    of_time = {key for key in its_metrics if key.startswith("timing_s/")}
    same = its_metrics.keys() - of_time - {"diversity/missing_responses"}
    assert {key: metrics[key] for key in same} == pytest.approx({key: its_metrics[key] for key in same})
    assert metrics["reward/acc/mean"] == pytest.approx(sum(REWARDS) / len(REWARDS))


@pytest.mark.parametrize("base", ["grpo", "gae", "rloo", "reinforce_plus_plus_baseline"])
@pytest.mark.parametrize("untouched", ["+algorithm.diversity.alpha=0", "+reward_model.diversity=none"])
def test_base_advantages_bit_for_bit(base, untouched, held):
    measure = [] if "none" in untouched else ["+reward_model.diversity=dpp"]
    plain, nothing = held(ROWS, f"algorithm.adv_estimator={base}")
    ours, _ = held(ROWS, f"algorithm.adv_estimator={base}", untouched, *measure)
    assert torch.equal(plain, ours)
    assert nothing == {}


def test_verl_takes_the_metrics_with_those_of_the_step(held, monkeypatch):
    from verl.trainer.ppo import metric_utils

    held(ROWS, "algorithm.adv_estimator=dqo")
    length = 4
    batch = SimpleNamespace(
        batch={
            name: torch.ones(5, length)
            for name in (
                "token_level_scores",
                "token_level_rewards",
                "advantages",
                "returns",
                "responses",
                "response_mask",
            )
        }
        | {"attention_mask": torch.ones(5, 2 * length), "prompts": torch.ones(5, length)},
        non_tensor_batch={},
    )
    assert "diversity/score/mean" in metric_utils.compute_data_metrics(batch, use_critic=False)
    assert "diversity/score/mean" not in metric_utils.compute_data_metrics(batch, use_critic=False)


def test_a_response_that_rollout_correction_rejects_is_compared_in_full(held):
    """It overwrites the mask just before; V1's queue keeps the one of generation."""

    def reject(batch, rollout_corr_config):
        batch.batch["response_mask"] = batch.batch["response_mask"] * torch.tensor([1, 0, 1, 1, 1]).unsqueeze(-1)
        return batch, {}

    module = ModuleType("rollout_corr_helper")
    module.compute_rollout_correction_and_add_to_batch = reject
    batch_seam.hook_rejection(module)
    _, expected = held(ROWS, "algorithm.adv_estimator=dqo")
    advantages, metrics = held(
        ROWS,
        "algorithm.adv_estimator=dqo",
        before=lambda data: module.compute_rollout_correction_and_add_to_batch(data, {}),
    )
    assert not advantages[1].any()
    same = [key for key in expected if key.startswith("diversity/score")]
    assert [metrics[key] for key in same] == pytest.approx([expected[key] for key in same])


def test_only_the_v1_trainer_streams():
    def streams(*typed):
        return "wraps" in prepared("algorithm.adv_estimator=dqo", *typed).reward.reward_manager

    assert streams()
    assert not streams("trainer.use_v1=False")
    assert not streams("+rollout={nnodes: 1, n_gpus_per_node: 1}")
