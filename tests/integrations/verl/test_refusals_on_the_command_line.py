"""What a user sees who types something wrong behind `python -m verl.trainer.main_ppo`: one message, and exit status 2."""

import os
import subprocess
import sys

import pytest

from tests.composing import within_reach

# verl's own, whatever is typed
NOISE = ("WARNING:", "Triton is installed")
PASSES = ["actor_rollout_ref.actor.use_dynamic_bsz=True", "actor_rollout_ref.actor.ppo_mini_batch_size=64"]
PASSES += ["actor_rollout_ref.rollout.name=vllm", "actor_rollout_ref.rollout.n=4", "trainer.n_gpus_per_node=1"]


def typed(*overrides, module="verl.trainer.main_ppo", **environment):
    command = [sys.executable, "-m", module, *within_reach(), *PASSES, *overrides]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | environment, timeout=120)
    return done.returncode, done.stdout, [line for line in done.stderr.splitlines() if not line.startswith(NOISE)]


@pytest.mark.parametrize(
    ("overrides", "module", "told"),
    [
        (
            ["algorithm.adv_estimator=dqoo"],
            "verl.trainer.main_ppo",
            "dqo_verl: algorithm.adv_estimator=dqoo is not known.",
        ),
        (
            ["algorithm.adv_estimator=dqo", "+algorithm.diversity.alhpa=2"],
            "verl.experimental.fully_async_policy.fully_async_main",
            "dqo_verl: algorithm.diversity.alhpa does not exist. Did you mean +algorithm.diversity.alpha=2?",
        ),
    ],
)
def test_a_refusal_is_one_message_alone(overrides, module, told, tmp_path):
    status, said, errors = typed(*overrides, f"hydra.run.dir={tmp_path}", module=module)
    assert status == 2
    assert said == ""
    *warnings, message = errors
    assert message.startswith(told)
    assert not [line for line in warnings if "Traceback" in line or "Error executing job" in line]


def test_a_command_is_checked_and_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    nowhere = {"DQO_VERL_CHECK": "1", "RAY_ADDRESS": "127.0.0.1:9"}
    dqo = ["algorithm.adv_estimator=dqo", "+algorithm.diversity.alpha=2"]
    status, said, _ = typed(*dqo, "hydra.run.dir=.", "hydra.output_subdir=null", DQO_VERL_CHECK="1")
    assert status == 0
    rows = [tuple(line.rsplit("  ", 1)) for line in said.splitlines() if line.startswith("  ")]
    found = {setting.strip(): origin for setting, origin in rows}
    assert found["algorithm.adv_estimator=dqo"] == "typed"
    assert found["+reward_model.diversity=dpp"] == "preset of dqo"
    assert found["+algorithm.diversity.alpha=2.0"] == "typed"
    assert found["+algorithm.diversity.kernel=linear"] == "default"
    assert found["algorithm.norm_adv_by_std_in_grpo=False"] == "preset of dqo"
    assert found["actor_rollout_ref.rollout.n=4"] == "typed"
    assert found["actor_rollout_ref.rollout.temperature=1.0"] == "verl's default"
    assert said.endswith("All checks passed, and nothing was started.\n")
    status, _, errors = typed(*dqo, f"hydra.run.dir={tmp_path}", **nowhere)
    assert status == 2
    assert "nobody answers at 127.0.0.1:9" in errors[-1]


def test_the_command_line_checks_what_verl_would_refuse(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    overrides = [*within_reach(), *PASSES, "algorithm.adv_estimator=grpo"]
    command = [sys.executable, "-m", "dqo_verl.cli", "check"]
    done = subprocess.run([*command, *overrides], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "algorithm.adv_estimator=grpo: nothing of dqo_verl takes part in this run." in done.stdout
    assert not list(tmp_path.iterdir()), "a check leaves nothing behind"
    rollout = "actor_rollout_ref.rollout"
    refused = [*overrides, f"{rollout}.temperature=0", f"{rollout}.val_kwargs.do_sample=True"]
    done = subprocess.run([*command, "--", *refused], capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("dqo_verl: verl refuses this command: validation")
    assert "Traceback" not in done.stderr
