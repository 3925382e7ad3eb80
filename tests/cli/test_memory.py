"""`dqo-verl doctor --recipe NAME --gpus 8x80`: what a recipe needs, by hand; and every recipe fits where its header says so."""

import json
import re

import pytest

from dqo_verl.cli import parse
from dqo_verl.doctor.memory import Machine, needs, what_to_type
from dqo_verl.doctor.recipe import MODELS, RECIPES, Recipe
from dqo_verl.doctor.shapes import KNOWN, Shape, billions, shape_of
from dqo_verl.errors import UserError

# as published, in billions
PUBLISHED = {
    "Qwen/Qwen2.5-1.5B-Instruct": 1.54,
    "Qwen/Qwen3-4B-Base": 4.02,
    "Qwen/Qwen3-14B-Base": 14.77,
    "meta-llama/Llama-3.2-3B-Instruct": 3.21,
    "meta-llama/Llama-3.1-8B-Instruct": 8.03,
    "meta-llama/Llama-3.3-70B-Instruct": 70.55,
}
# one layer of 4 + 4 + 24 parameters, tied ends of 20
TINY = Shape(1, 2, 1, 1, 1, 4, 10, True)
SETTINGS = {
    "actor_rollout_ref.actor.ppo_max_token_len_per_gpu": "4096",
    "actor_rollout_ref.actor.use_kl_loss": "False",
    "actor_rollout_ref.actor.calculate_entropy": "False",
    "actor_rollout_ref.rollout.gpu_memory_utilization": "0.6",
    "algorithm.adv_estimator": "dqo",
    "data.max_prompt_length": "512",
    "data.max_response_length": "512",
}


@pytest.mark.parametrize(("model", "size"), PUBLISHED.items())
def test_shapes_have_as_many_parameters_as_published(model, size):
    assert shape_of(model).parameters / 1e9 == pytest.approx(size, rel=0.01)
    assert any(re.match(pattern, model) for pattern in KNOWN)


def test_a_shape_is_read_from_a_config(tmp_path):
    config = {
        "num_hidden_layers": 3,
        "hidden_size": 8,
        "num_attention_heads": 4,
        "intermediate_size": 16,
        "vocab_size": 100,
    }
    (tmp_path / "config.json").write_text(json.dumps(config | {"num_key_value_heads": 2, "tie_word_embeddings": True}))
    assert shape_of(str(tmp_path)) == Shape(3, 8, 4, 2, 2, 16, 100, True)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "other"}))
    assert shape_of(str(tmp_path)) is None
    assert shape_of("nobody/knows") is None
    assert shape_of("/no/such folder") is None
    assert billions("Nexusflow/Athene-RM-8B") == 8e9
    assert billions("dogtooth/qwen3-4b-emb") == 4e9
    assert billions("mine") is None


def test_needs_by_hand():
    """In units of a byte: 52 parameters on two GPUs."""
    found = needs(SETTINGS, TINY, gpus=2, gigabytes=10.0)
    update = {
        name.split(" of ")[0]: round(value * 1e9) for name, value in found.update.items() if "moments" not in name
    }
    assert TINY.parameters == 52
    assert update == {
        "weights": 4 * 26,
        "gradients": 4 * 26,
        "gathered by FSDP": 6 * 52,
        "activations": 4096 * 2 * (2 + 34),
        "logits": 4096 * 10 * 4,
    }
    assert round(found.update["moments of AdamW"] * 1e9) == 8 * 26
    assert found.generation["vLLM, 60%"] == 6.0
    more = SETTINGS | {"actor_rollout_ref.actor.use_kl_loss": "True", "algorithm.diversity.base": "gae"}
    more |= {"actor_rollout_ref.actor.calculate_entropy": "True", "algorithm.diversity.placement": "shared"}
    more |= {"algorithm.diversity.classifier": "a/model-4B"}
    other = needs(more, TINY, gpus=2, gigabytes=10.0)
    assert "reference policy" not in other.update | other.generation
    assert round(other.update["critic with its moments"] * 1e9) == 12 * 26
    assert round(other.update["logits of 4,096 tokens"] * 1e9) == 4096 * 10 * 8
    assert other.generation["classifier, which shares the GPU"] == 8.0
    assert "classifier, which shares the GPU" not in other.update, "it rests"
    scored = SETTINGS | {"reward.custom_reward_function.reward_kwargs.placement": "shared"}
    scored |= {"reward.custom_reward_function.reward_kwargs.model": "a/RM-8B"}
    for phase in (needs(scored, TINY, 2, 10.0).update, needs(scored, TINY, 2, 10.0).generation):
        assert phase["reward model, which shares the GPU"] == 16.0


def _fits(settings, shape, gigabytes):
    try:
        return bool(what_to_type(settings, shape, 8, float(gigabytes)))
    except UserError:
        return False


def test_what_does_not_fit_is_made_to_fit():
    shape = shape_of("Qwen/Qwen2.5-1.5B")
    large = SETTINGS | {"actor_rollout_ref.actor.ppo_max_token_len_per_gpu": "16384"}
    large |= {
        "actor_rollout_ref.actor.calculate_entropy": "True",
        "actor_rollout_ref.rollout.gpu_memory_utilization": "0.9",
    }
    assert what_to_type(large, shape, 8, 141.0) == ""
    assert what_to_type(large, shape, 8, 24.0) == "TOKENS=8192 GPU_MEMORY=0.85"
    with pytest.raises(UserError, match="does not fit into 6 GB even with TOKENS=2048"):
        what_to_type(large, shape, 8, 6.0)
    # the smallest TOKENS holds one response, and is tried
    long = large | {"data.max_prompt_length": "500", "data.max_response_length": "2500"}
    least = next(size for size in range(6, 141) if _fits(long, shape, size))
    assert what_to_type(long, shape, 8, float(least)).startswith("TOKENS=3000")
    shared = SETTINGS | {"algorithm.diversity.placement": "shared", "algorithm.diversity.classifier": "a/model-8B"}
    with pytest.raises(UserError, match="no room for vLLM"):
        what_to_type(shared, shape, 8, 20.0)
    with pytest.raises(UserError, match="do not hold the weights"):
        what_to_type(SETTINGS, shape_of("meta-llama/Llama-3.3-70B-Instruct"), 32, 141.0)


@pytest.mark.parametrize("typed", ["80", "8x", "0x80", "8x80x", "eight x 80"])
def test_a_machine_that_is_misspelt_is_told(typed):
    with pytest.raises(UserError, match="such as 8x80"):
        Machine.of(typed)


def test_machines():
    assert Machine.of("8x80") == Machine(1, 8, 80.0)
    assert Machine.of("4x8x141") == Machine(4, 8, 141.0)


def roots():
    return [path for path in sorted(RECIPES.glob("[!_]*.sh")) if "--gpus" in path.read_text()]


@pytest.mark.parametrize("script", roots(), ids=lambda path: path.stem)
def test_a_recipe_fits_where_its_header_says(script):
    header = script.read_text().replace("\n#", "")
    (name, machine) = re.search(r"doctor --recipe\s+(\w+)\s+--gpus (\S+?)\)", header).groups()
    assert name == script.stem
    assert "too much" not in Recipe(name, Machine.of(machine)).memory()


def test_every_model_that_is_trained_says_what_it_needs():
    told = {Recipe(path.stem).settings[MODELS[0]] for path in roots()}
    trained = set()
    for path in RECIPES.glob("[!_]*.sh"):
        trained |= set(re.findall(r"\bMODEL=(?:\$\{MODEL-)?([\w./-]+/[\w.-]+)", path.read_text()))
    assert trained == told


def test_the_command(capsys):
    assert parse(["doctor", "--recipe", "dqo_gsm8k_qwen", "--gpus", "8x40"]).run() == 0
    assert "the update: 27 of 40 GB" in capsys.readouterr().out
    assert parse(["doctor", "--recipe", "dqo_gsm8k_qwen", "--gpus", "8x24"]).run() == 1
    assert "Write TOKENS=8192 in front of the recipe." in capsys.readouterr().out
    with pytest.raises(UserError, match="leave one of them out"):
        parse(["doctor", "--recipe", "dqo_gsm8k_qwen", "--gpus", "8x24", "--train"]).run()
    with pytest.raises(UserError, match="name one with --recipe"):
        parse(["doctor", "--gpus", "8x24"]).run()
