"""Others of verl's plugins: one that subclasses the trainer, and one that registers an estimator of its own."""

import os
import subprocess
import sys

import pytest
import torch

from .conftest import Row

GROUP = [
    Row(f"a_{i}_0", text, float(i)) for i, text in enumerate(["one answer", "another one", "4 + 5 = 9", "one answer"])
]


def test_a_trainer_of_another_plugin_computes_as_verls_own(advantages):
    from verl.trainer.ppo.v1 import get_trainer_cls, register_trainer
    from verl.trainer.ppo.v1.trainer_base import TRAINER_REGISTRY

    class Theirs(get_trainer_cls("sync")):
        def _compute_advantage(self, batch, metrics):
            metrics["theirs"] = len(batch.keys)
            return super()._compute_advantage(batch, metrics=metrics)

    register_trainer("theirs")(Theirs)
    try:
        expected, its = advantages(GROUP, "algorithm.adv_estimator=dqo")
        found, metrics = advantages(GROUP, "algorithm.adv_estimator=dqo", mode="theirs")
    finally:
        del TRAINER_REGISTRY["theirs"]
    assert all(map(torch.equal, found, expected))
    assert metrics["theirs"] == 4
    assert its.keys() == metrics.keys() - {"theirs"}


THEIR_PLUGIN = """
from wrapt import register_post_import_hook

def register(core_algos):
    core_algos.register_adv_est("theirs")(lambda token_level_rewards, response_mask, **_: (token_level_rewards,) * 2)

register_post_import_hook(register, "verl.trainer.ppo.core_algos")
"""
BOTH = """
from tests.composing import compose_as_typed, within_reach
import verl
from verl.trainer.ppo.core_algos import get_adv_estimator_fn
from dqo_verl.integrations.verl.launch import prepare

for name in ("theirs", "dqo", "darling"):
    get_adv_estimator_fn(name)
theirs = "algorithm.adv_estimator=theirs"
for typed in ([theirs], [theirs, "+reward_model.diversity=dpp"], ["algorithm.adv_estimator=dqo"]):
    config = compose_as_typed([*within_reach(), "actor_rollout_ref.rollout.n=4", *typed])
    prepare(config)
    print("base:", config.algorithm.get("diversity", {}).get("base"))
"""


@pytest.mark.slow
def test_an_estimator_of_another_plugin_is_known_and_can_be_a_base(tmp_path):
    (tmp_path / "their_plugin.py").write_text(THEIR_PLUGIN)
    metadata = tmp_path / "their_plugin-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: their-plugin\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[verl.plugins]\ntheirs = their_plugin\n")
    path = os.pathsep.join([str(tmp_path), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", BOTH], capture_output=True, text=True, env=os.environ | {"PYTHONPATH": path}
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert [line for line in done.stdout.splitlines() if line.startswith("base:")] == [
        "base: None",
        "base: theirs",
        "base: grpo",
    ]
