"""What a user sees of a refusal and of a check: behind `python -m verl.trainer.main_ppo`, and of `dqo-verl check`."""

import os
import subprocess
import sys

import pytest

from dqo_verl.errors import UserError
from tests.composing import within_reach

from .conftest import prepared

# verl's own, whatever is typed
NOISE = ("WARNING:", "Triton is installed")
PASSES = ["actor_rollout_ref.actor.use_dynamic_bsz=True", "actor_rollout_ref.actor.ppo_mini_batch_size=64"]
PASSES += ["trainer.n_gpus_per_node=1"]
DQO = ["algorithm.adv_estimator=dqo", "+algorithm.diversity.alpha=2"]


@pytest.mark.slow
def test_a_refusal_is_one_message_alone(tmp_path):
    command = [sys.executable, "-m", "verl.trainer.main_ppo", *within_reach(), "algorithm.adv_estimator=dqoo"]
    done = subprocess.run([*command, f"hydra.run.dir={tmp_path}"], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (2, "")
    (message,) = [line for line in done.stderr.splitlines() if not line.startswith(NOISE)]
    assert message.startswith("dqo_verl: algorithm.adv_estimator=dqoo is not known. Did you mean")


@pytest.mark.slow
def test_the_command_line_checks_and_leaves_nothing_behind(tmp_path):
    overrides = [*within_reach(), *PASSES, "actor_rollout_ref.rollout.name=vllm", "algorithm.adv_estimator=grpo"]
    command = [sys.executable, "-m", "dqo_verl.cli", "check", "--", *overrides]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "algorithm.adv_estimator=grpo: this run does not use dqo_verl." in done.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_check_never_trains(tmp_path):
    """Whatever the module does with its config, and where the plugin is not active."""
    (tmp_path / "theirs.py").write_text("import ray\nray.init()\nprint('TRAINING')\n")
    command = [sys.executable, "-m", "dqo_verl.cli", "check", "--trainer", "theirs"]
    path = os.pathsep.join([str(tmp_path), *sys.path])
    for environment, told in (
        ({}, "nothing was checked, because this command starts Ray before"),
        ({"VERL_USE_EXTERNAL_PLUGINS": "none"}, "dqo_verl is not active with verl"),
    ):
        done = subprocess.run(
            command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": path} | environment, timeout=120
        )
        assert done.returncode == 2
        assert told in done.stderr
        assert "TRAINING" not in done.stdout


@pytest.fixture
def checked(monkeypatch, capsys):
    """`checked(*overrides)` -> what a check prints before it stops."""
    monkeypatch.setenv("DQO_VERL_CHECK", "1")

    def check(*overrides):
        with pytest.raises(SystemExit) as stopped:
            prepared(*PASSES, *overrides)
        assert stopped.value.code == 0
        return capsys.readouterr().out

    return check


@pytest.mark.parametrize("off", ["0", "false", ""])
def test_a_check_that_is_switched_off_stops_nothing(off, monkeypatch):
    monkeypatch.setenv("DQO_VERL_CHECK", off)
    assert prepared(*PASSES, *DQO)


def test_a_check_shows_what_is_in_force_and_where_it_comes_from(checked):
    said = checked(*DQO)
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


def test_a_check_finds_what_verl_would_refuse_and_what_is_not_there(checked, monkeypatch):
    hot = [f"actor_rollout_ref.rollout.{key}" for key in ("temperature=0", "val_kwargs.do_sample=True")]
    with pytest.raises(UserError, match="verl refuses this command: validation gen temperature"):
        prepared(*PASSES, *DQO, *hot)
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:9")
    with pytest.raises(UserError, match=r"no Ray answers at 127\.0\.0\.1:9"):
        prepared(*PASSES, *DQO)
