"""`dqo-verl doctor --recipe NAME` on machines that are pretended: another nvidia-smi, another disk, a hub that is out of reach."""

import json
from types import SimpleNamespace

import pytest
import torch

from dqo_verl.doctor import installation, recipe
from dqo_verl.doctor.recipe import GATED, MODELS, RECIPES, Recipe
from dqo_verl.errors import UserError


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """`machine(driver, MiB of each GPU)`: an nvidia-smi that says so."""

    def pretend(driver, *mebibytes):
        script = tmp_path / "nvidia-smi"
        answers = {"driver_version": [driver] * len(mebibytes), "memory.total": list(map(str, mebibytes))}
        script.write_text(
            f"#!/usr/bin/env python3\nimport sys\nanswers = {json.dumps(answers)}\n"
            "print('\\n'.join(answers[sys.argv[1].removeprefix('--query-gpu=')]) if sys.argv[1] != '-L' else 'GPU 0')\n"
        )
        script.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    return pretend


@pytest.mark.parametrize(
    ("driver", "cuda", "told"),
    [
        ("570.86.15", "13.0", "the driver of the GPUs is version 570, but torch .* for CUDA 13.0 needs 580 or newer"),
        ("580.65.06", "13.0", "there are GPUs .driver 580., but torch sees none"),
        ("580.65.06", None, "is a build without CUDA"),
    ],
)
def test_a_driver_that_is_too_old_is_named(driver, cuda, told, machine, monkeypatch):
    machine(driver, 81559)
    monkeypatch.setattr(torch.version, "cuda", cuda)
    with pytest.raises(UserError, match=told):
        installation.device()


def test_memory_that_is_too_small_is_named(machine):
    small = Recipe("dqo_gsm8k_qwen")
    small.settings |= {"trainer.n_gpus_per_node": "1"}
    assert "to estimate for eight GPUs of 80 GB, add --gpus 8x80" in small.memory()
    machine("580.0", 81559)
    assert "estimated for 1 training GPUs of 86 GB" in small.memory()
    machine("580.0", "[N/A]")
    assert "no GPU here says how much memory it has" in small.memory()
    machine("580.0", 24576)
    with pytest.raises(UserError, match=r"does not fit into 25.* GB even with TOKENS=2048"):
        small.memory()


def test_a_disk_that_is_too_small_is_named(monkeypatch):
    large = Recipe("recipes/darling_wildchat_llama70b.sh")
    monkeypatch.setattr(recipe.shutil, "disk_usage", lambda _: SimpleNamespace(free=5e12))
    assert "4 checkpoints of 1 run take 3387 GB, 5000 GB are free" in large.disk()
    monkeypatch.setattr(recipe.shutil, "disk_usage", lambda _: SimpleNamespace(free=1e12))
    with pytest.raises(UserError, match="Write OUT=DIR in front"):
        large.disk()
    # 15 runs with one checkpoint each, and one that is being written; actor and critic
    assert "16 checkpoints of 15 runs take 296 GB" in Recipe("reproduce_gsm8k").disk()
    assert Recipe("dqo_dolly_llama").disk().startswith("4 checkpoints of 1 run take 308 GB")


def test_gated_models_need_a_token(monkeypatch):
    def out_of_reach(name, typed):
        raise UserError("not in the local cache")

    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    monkeypatch.setattr("dqo_verl.models.hub.reach", out_of_reach)
    with pytest.raises(
        UserError, match=r"meta-llama/Llama-3\.1-8B-Instruct is gated, and there is no token: .* HF_TOKEN"
    ):
        Recipe("darling_wildchat_llama8b").models()
    asked = []
    monkeypatch.setattr("dqo_verl.models.hub.reach", lambda name, typed: asked.append(name))
    assert "Qwen/Qwen2.5-1.5B-Instruct" in Recipe("dqo_gsm8k_qwen").models()
    assert asked == ["Qwen/Qwen2.5-1.5B-Instruct"]


def test_every_recipe_that_trains_by_verl_is_understood():
    scripts = [
        path for path in RECIPES.glob("[!_]*.sh") if "main_ppo" not in path.name and "train " in path.read_text()
    ]
    roots = [path for path in scripts if path.name.startswith(("dqo_", "darling_"))]
    assert roots
    for script in roots:
        found = Recipe(script.stem)
        assert found.gpus >= 1
        assert found.parameters >= 1e9
        assert found.settings[MODELS[0]]
        assert found.settings[MODELS[0]].startswith((*GATED, "Qwen/"))


def test_a_model_of_unknown_size_and_a_recipe_without_a_policy():
    own = Recipe("dqo_gsm8k_qwen")
    own.settings[MODELS[0]] = "/my/checkpoint"
    assert own.memory() == "not estimated: the shape of /my/checkpoint is not known before it is loaded"
    assert "GB are free in" in own.disk()
    with pytest.raises(UserError, match="trains no policy with verl"):
        Recipe("toy_city")


def test_a_recipe_that_does_not_exist_is_told():
    with pytest.raises(UserError, match=r"there is no recipe dqo_gsm9k\. Recipes: .*dqo_gsm8k_qwen"):
        Recipe("dqo_gsm9k")
