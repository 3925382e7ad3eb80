"""Recipes of OpenRLHF: what each would run is what OpenRLHF and we know, on both profiles; the first one trains."""

import os
import subprocess

import pytest

from dqo_verl.integrations.openrlhf.launch import checked
from dqo_verl.integrations.openrlhf.parser import arguments, parser_of
from dqo_verl.integrations.openrlhf.probe import OpenRLHF
from dqo_verl.integrations.openrlhf.refusals import gpus_of_openrlhf
from dqo_verl.integrations.openrlhf.reward_file import as_file
from dqo_verl.integrations.openrlhf.typed import take_apart

from .conftest import RECIPES

pytestmark = pytest.mark.openrlhf

SCRIPTS = sorted(path.name for path in (RECIPES / "openrlhf").glob("[!_]*.sh"))


@pytest.mark.parametrize("script", SCRIPTS)
def test_without_a_gpu_every_check_is_passed(script, commands):
    (words,) = commands(f"openrlhf/{script}", "cpu", "--algo.kl.init_coef", "0.5")
    command = checked(words)
    assert command.on_cpu
    assert command.arguments["algo.kl.init_coef"] == 0.5, "what is typed behind a recipe wins"
    settings = command.settings
    assert script.startswith("baseline") == (settings is None or settings.measure.name == "none")
    if settings is not None:
        assert settings.base == ("gae" if "dolly" in script else "dr_grpo")


@pytest.mark.parametrize("script", SCRIPTS)
def test_with_gpus_all_models_take_turns_on_all_of_them(script, commands):
    (words,) = commands(f"openrlhf/{script}", "gpu", NNODES="2", NGPUS="4", TP="2")
    found = arguments(parser_of(OpenRLHF.here()), as_file(take_apart(words).rest), "")
    assert gpus_of_openrlhf(found) == 8
    assert found["vllm.num_engines"] * found["vllm.tensor_parallel_size"] == 8
    assert found["train.batch_size"] == found["rollout.batch_size"] * found["rollout.n_samples_per_prompt"]


@pytest.mark.parametrize(("steps", "samples", "episodes"), [("4", 8, 1), ("10", 20, 1), ("30", 20, 3)])
def test_as_many_steps_as_are_typed(steps, samples, episodes, commands, tmp_path):
    import pyarrow
    import pyarrow.parquet

    (tmp_path / "gsm8k").mkdir()
    for split in ("train", "test"):
        pyarrow.parquet.write_table(pyarrow.table({"prompt": ["p"] * 21}), tmp_path / f"gsm8k/{split}.parquet")
    (words,) = commands("openrlhf/dqo_gsm8k_qwen.sh", "gpu", NGPUS="1", DATA=str(tmp_path), BATCH="2", STEPS=steps)
    found = arguments(parser_of(OpenRLHF.here()), as_file(take_apart(words).rest), "")
    assert (found["data.max_samples"], found["train.num_episodes"]) == (samples, episodes)


def test_steps_that_openrlhf_cannot_count_are_refused(recipe):
    done = recipe("openrlhf/dqo_gsm8k_qwen.sh", PROFILE="cpu", STEPS="40")
    assert done.returncode == 2
    assert "STEPS=40: an episode has 32 steps here" in done.stderr


def test_a_knob_of_other_recipes_is_refused(recipe):
    done = recipe("openrlhf/baseline_gsm8k_dr_grpo.sh", ALPHA="2")
    assert done.returncode == 2
    assert done.stderr.startswith("ALPHA has no effect in openrlhf/baseline_gsm8k_dr_grpo.sh; leave it out")
    assert "openrlhf/dqo_gsm8k_qwen.sh" in done.stderr


@pytest.mark.e2e
@pytest.mark.timeout(900)
def test_it_trains_and_shows_a_line_per_step(tmp_path, taught):
    out = tmp_path / "out"
    ours = {"PROFILE": "cpu", "OUT": str(out), "DQO_VERL_CACHE": str(taught), "STEPS": "2"}
    script = RECIPES / "openrlhf/dqo_gsm8k_qwen.sh"
    done = subprocess.run(["bash", script], env=os.environ | ours, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[1] for line in lines if line.startswith("step ")] == ["1", "2"]
    assert all("diversity 0." in line and "seconds" in line for line in lines if line.startswith("step "))
    assert lines[-1] == f"metrics, log, samples and checkpoints: {out}"
    assert (out / "policy/model.safetensors").exists()
    assert (out / "command.sh").read_text().startswith("python -m dqo_verl.openrlhf")
