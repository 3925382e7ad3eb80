"""verl's real trainer class, real TransferQueue and a real feature worker; only the models of the engine are left out."""

import random
from dataclasses import dataclass, field

import pytest
import torch

from tests.composing import compose_as_typed, within_reach

BASIC = [
    "actor_rollout_ref.rollout.name=vllm",
    "actor_rollout_ref.rollout.n=4",
    "transfer_queue.enable=True",
    "transfer_queue.backend.SimpleStorage.num_data_storage_units=1",
]


def compose(*overrides):
    """verl's own config with the overrides as typed on a command line."""
    return compose_as_typed([*within_reach(), *BASIC, *overrides])


@pytest.fixture(autouse=True)
def verls_own_command(monkeypatch):
    """The process looks as if verl's trainer had been started, and not pytest."""
    from dqo_verl.integrations.verl import overrides

    monkeypatch.setattr(overrides, "command", lambda: "verl.trainer.main_ppo")


@pytest.fixture(scope="package")  # not the session: other tests start a Ray of their own
def ray_and_queue(quick_python):
    import ray
    import transfer_queue as tq

    ray.init(
        "local", num_cpus=8, include_dashboard=False, log_to_driver=False, runtime_env={"py_executable": quick_python}
    )
    tq.init(compose("algorithm.adv_estimator=grpo").transfer_queue)
    yield
    tq.close()
    ray.shutdown()


@pytest.fixture(scope="session")
def tokenizer():
    from experiments.tiny.policy import build_tokenizer

    return build_tokenizer(random.Random(0))


@pytest.fixture(scope="package")
def service(ray_and_queue):
    """One worker with the packaged MiniLM."""
    from dqo_verl.integrations.verl import services

    services.start(prepared("algorithm.adv_estimator=dqo"))
    return services.features


def prepared(*overrides):
    from dqo_verl.integrations.verl import launch

    config = compose(*overrides)
    launch.prepare(config)
    return config


@dataclass
class Row:
    """One row of verl's batch: an output of a session."""

    key: str
    text: str
    reward: float = 0.0
    padding: bool = False
    tool_text: str = ""  # comes after the text and is masked out
    value: float = 0.0  # the critic's, on every token
    reported: dict = field(default_factory=dict)  # what the reward function returned beside the score

    def fields(self, tokenizer):
        ids = tokenizer(self.text)["input_ids"] + [tokenizer.eos_token_id]
        if not self.text:
            ids = [tokenizer.eos_token_id]
        tool = tokenizer(self.tool_text)["input_ids"]
        mask = [0 if self.padding else 1] * len(ids) + [0] * len(tool)
        scores = torch.zeros(len(mask))
        scores[len(ids) - 1] = self.reward
        return {
            "uid": self.key.rsplit("_", 2)[0],
            "responses": torch.tensor(ids + tool),
            "response_mask": torch.tensor(mask),
            "rm_scores": scores,
            "extra_fields": {"reward_extra_info": self.reported} if self.reported else {},
            "old_log_probs": torch.full((len(mask),), -1.0),
            "ref_log_prob": torch.full((len(mask),), -1.5),
            "values": torch.full((len(mask),), self.value),
        }


@pytest.fixture
def advantages(ray_and_queue, service, tokenizer, monkeypatch):
    """`advantages(rows, *overrides)` -> (advantage tensor per row, metrics), through `PPOTrainer._compute_advantage`."""
    import transfer_queue as tq
    from transfer_queue import KVBatchMeta
    from verl.trainer.ppo.core_algos import get_kl_controller
    from verl.trainer.ppo.v1 import get_trainer_cls
    from verl.utils.tensordict_utils import list_of_dict_to_tensordict

    from dqo_verl.integrations.verl import seam

    def run(rows, *overrides, mode="sync", step=1):
        config = prepared(*overrides)
        trainer = object.__new__(get_trainer_cls(mode))
        trainer.config, trainer.tokenizer, trainer.global_steps = config, tokenizer, step
        monkeypatch.setattr(seam, "_trainer", trainer)
        trainer.kl_ctrl_in_reward = get_kl_controller(config.algorithm.kl_ctrl)
        keys, tags = [row.key for row in rows], [{"is_padding": True} if row.padding else {} for row in rows]
        fields = list_of_dict_to_tensordict([row.fields(tokenizer) for row in rows])
        tq.kv_batch_put(keys=keys, fields=fields, tags=tags, partition_id="train")
        metrics = {}
        try:
            trainer._compute_advantage(KVBatchMeta(partition_id="train", keys=keys, tags=tags), metrics)
            data = tq.kv_batch_get(keys=keys, partition_id="train", select_fields=["advantages"])
        finally:
            tq.kv_clear(keys=keys, partition_id="train")
        return list(data["advantages"].unbind()), metrics

    return run
