"""Every recipe, in both profiles: its command composes with verl's own config and passes verl's checks and ours, without Ray.

`DRY_RUN=1` makes a recipe print the commands that it would run.
"""

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

RECIPES = Path(__file__).parents[2] / "recipes"
OTHERS = (
    "pareto",
    "demo",
    "toy",
    "classifier",
)  # are no single training by verl: tested below, and in places of their own
SCRIPTS = sorted(path.name for path in RECIPES.glob("[!_]*.sh") if not path.name.startswith(OTHERS))
FEWER = {"ALPHAS": "0.5", "KS": "8"}  # of the sweep's runs, which differ in these values only
COMMANDS = ("python -m verl.trainer.main_ppo ", "python -m experiments.city ", "dqo-verl ", "accelerate launch ")
GPU_MODELS = ("CLASSIFIER", "EMBEDDER")  # looked up before Ray starts; the hub is out of reach of tests
# part of a recipe's name -> measure and combination that must come out of it; the first one counts
PROMISES = {
    "_std": None,
    "_measure": None,
    "hacking": ("dpp", "add"),
    "likelihood": ("likelihood", "multiply"),
    "unlikeliness": ("likelihood", "multiply"),
    "entropy": ("surprisal", "add"),
    "dra_grpo": ("graph_cut", "multiply"),
    "deviation": ("deviation", "multiply"),
    "baseline": (None, None),
    "4gram": ("ngram", "multiply"),
    "additive": ("partition", "zscore_add"),
    "darling": ("partition", "multiply"),
    "floor": ("partition", "multiply"),
    "correct_only": ("partition", "multiply"),
    "dqo": ("dpp", "add"),
    "alpha_k": ("dpp", "add"),
}


@pytest.fixture
def commands(cache, tmp_path):
    """`commands(script, profile, *typed, KNOB=value)` -> the overrides of each command that the recipe would run."""

    def dry_run(script, profile, *typed, **knobs):
        environment = {key: value for key, value in os.environ.items() if key not in ("RAY_ADDRESS", *GPU_MODELS)}
        environment |= {"DRY_RUN": "1", "PROFILE": profile, "DQO_VERL_CACHE": str(cache), "OUT": str(tmp_path / "out")}
        done = subprocess.run(
            ["bash", RECIPES / script, *typed], env=environment | knobs, cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        lines = [shlex.split(line) for line in done.stdout.splitlines() if line.startswith(COMMANDS)]
        assert lines, done.stdout
        assert not (tmp_path / "out").exists(), "a dry run leaves nothing behind"
        return [line[3:] if line[0] == "python" else line[1:] for line in lines]

    return dry_run


@pytest.fixture
def checked(cache):
    """`checked(overrides)` -> the config after everything that verl's driver does to it before Ray starts."""

    def check(overrides):
        import verl  # noqa: F401  loads the plugin
        from hydra import compose, initialize_config_module
        from verl.trainer.ppo.utils import need_critic, need_reference_policy
        from verl.utils.config import validate_config

        # the driver reads these before Ray starts: where they are on the hub, the tiny ones stand in
        stand_ins = {
            "actor_rollout_ref.model.path": cache / "tiny/policy",
            "critic.model.path": cache / "tiny/policy",
            "+algorithm.diversity.classifier": cache / "tiny/classifier",
            "+reward.custom_reward_function.reward_kwargs.model": cache / "tiny/reward_model",
        }
        overrides = [f"{key}={stand_ins.get(key, value)}" for key, value in (o.split("=", 1) for o in overrides)]
        with initialize_config_module("verl.trainer.config", version_base=None):
            config = compose("ppo_trainer", overrides=[o for o in overrides if not o.startswith("hydra.")])
        validate_config(config, need_reference_policy(config), need_critic(config))
        actor = config.actor_rollout_ref.actor
        if not actor.use_dynamic_bsz:
            rows = actor.ppo_mini_batch_size * config.actor_rollout_ref.rollout.n
            assert rows % actor.ppo_micro_batch_size_per_gpu == 0, "verl asks for whole micro batches when it trains"
        return config

    return check


@pytest.mark.parametrize("profile", ["gpu", "cpu"])
def test_steps_count_everywhere_and_metrics_go_where_the_run_is_kept(profile, commands, checked, tmp_path):
    """The logger's path travels in the config: workers of a Ray that runs already do not see this shell's environment."""
    (overrides,) = commands("dqo_gsm8k_qwen.sh", profile, STEPS="7")
    config = checked(overrides)
    assert config.trainer.total_training_steps == 7
    assert config.trainer.max_actor_ckpt_to_keep == config.trainer.max_critic_ckpt_to_keep == 3
    path = config.ray_kwargs.ray_init.runtime_env.env_vars.VERL_FILE_LOGGER_PATH
    assert Path(path).parent == tmp_path / "out"


def uses_the_method_of(script, config):
    """What the recipe's name promises is what runs."""
    diversity = config.algorithm.get("diversity") or {}
    promised = next((method for part, method in PROMISES.items() if part in script), None)
    return promised is None or (diversity.get("diversity"), diversity.get("combine")) == promised


@pytest.mark.parametrize("profile", ["gpu", "cpu"])
@pytest.mark.parametrize("script", SCRIPTS)
def test_recipe(script, profile, commands, checked, cache):
    for overrides in commands(script, profile, **FEWER):
        keys = [override.split("=")[0].lstrip("+~") for override in overrides]
        assert len(keys) == len(set(keys)), "each key once"
        config = checked(overrides)
        assert config.actor_rollout_ref.rollout.n >= 2
        assert uses_the_method_of(script, config)
        if profile == "cpu":
            assert config.trainer.device == "cpu"
            named = [value for value in (override.split("=", 1)[-1] for override in overrides) if "/" in value]
            tiny = [value for value in named if value.startswith(f"{cache}/tiny")]
            assert all(Path(value).exists() for value in tiny)
            elsewhere = {
                value for value in named if value not in tiny and "/out" not in value and "pkg://" not in value
            }
            assert elsewhere <= {"sentence-transformers/all-MiniLM-L6-v2"}, "the tiny profile needs no network"


@pytest.mark.parametrize("profile", ["gpu", "cpu"])
@pytest.mark.parametrize(
    ("script", "typed", "expected"),
    [
        ("dqo_gsm8k_qwen.sh", ["algorithm.adv_estimator=darling"], ("darling", "partition", "grpo")),
        ("dqo_gsm8k_qwen.sh", ["+algorithm.diversity.alpha=0"], ("dqo", "dpp", "grpo")),
        ("dqo_gsm8k_qwen.sh", ["+algorithm.diversity.answer_only=true"], ("dqo", "dpp", "grpo")),
        (
            "dqo_gsm8k_qwen.sh",
            ["algorithm.adv_estimator=darling", "trainer.total_training_steps=5"],
            ("darling", "partition", "grpo"),
        ),
        ("dqo_gsm8k_qwen.sh", ["+algorithm.diversity.scale=decoupled"], ("dqo", "dpp", "grpo")),
        ("baseline_gsm8k_ppo.sh", ["+reward_model.diversity=dpp"], ("dpp", "dpp", "gae")),
        ("baseline_dolly_ppo.sh", ["+reward_model.diversity=dpp"], ("dpp", "dpp", "gae")),
        ("baseline_gsm8k_rloo.sh", ["+reward_model.diversity=dpp"], ("dpp", "dpp", "rloo")),
        ("dqo_gsm8k_qwen.sh", ["+algorithm.diversity.kernel=gaussian"], ("dqo", "dpp", "grpo")),
        (
            "baseline_gsm8k_likelihood.sh",
            ["actor_rollout_ref.actor.ppo_epochs=2"],
            ("likelihood", "likelihood", "grpo"),
        ),
        (
            "darling_wildchat_llama8b.sh",
            ["+algorithm.diversity.partition=first_member"],
            ("darling", "partition", "grpo"),
        ),
        ("darling_wildchat_llama8b.sh", ["+algorithm.diversity.both_orders=true"], ("darling", "partition", "grpo")),
        (
            "darling_wildchat_llama8b.sh",
            ["+algorithm.diversity.quality_shift=sigmoid"],
            ("darling", "partition", "grpo"),
        ),
    ],
)
def test_overrides_that_the_documents_mention(script, profile, typed, expected, commands, checked):
    (overrides,) = commands(script, profile, *typed)
    config = checked(overrides)
    diversity = config.algorithm.diversity
    assert (diversity.method, diversity.diversity, diversity.base) == expected
    assert config.critic.enable == (expected[2] == "gae" or None)
    assert set(typed) <= set(overrides)


def test_a_reward_only_baseline_by_one_override(commands, checked):
    (overrides,) = commands("dqo_gsm8k_qwen.sh", "gpu", "algorithm.adv_estimator=grpo")
    assert "diversity" not in checked(overrides).algorithm


@pytest.mark.parametrize(
    ("script", "knobs", "expected"),
    [
        ("dqo_gsm8k_qwen.sh", {"REWARD": "model"}, {"reward.reward_model.enable": True}),
        ("dqo_gsm8k_qwen.sh", {"ALPHA": "2", "K": "8"}, {"algorithm.diversity.alpha": 2.0}),
        *(
            (f"baseline_gsm8k_{base}.sh", {"METHOD": "dqo"}, {"algorithm.diversity.diversity": "dpp"})
            for base in ("grpo", "dr_grpo", "rloo", "ppo", "likelihood")
        ),
        ("baseline_gsm8k_ppo.sh", {"METHOD": "dqo"}, {"algorithm.diversity.base": "gae"}),
        ("baseline_gsm8k_dr_grpo.sh", {}, {"actor_rollout_ref.actor.loss_scale_factor": 1024}),
        ("baseline_gsm8k_likelihood.sh", {"KL": "0.1"}, {"actor_rollout_ref.actor.kl_loss_coef": 0.1}),
        ("baseline_gsm8k_likelihood.sh", {"REWARD": "model"}, {"algorithm.diversity.quality_shift": "group_min"}),
        ("baseline_gsm8k_entropy.sh", {}, {"algorithm.diversity.gate": 0.5}),
        ("baseline_gsm8k_entropy.sh", {"REWARD": "model"}, {"algorithm.diversity.gate": None}),
        (
            "darling_wildchat_llama8b.sh",
            {"METHOD": "darling_add", "STD": "True"},
            {"algorithm.diversity.combine": "zscore_add"},
        ),
        ("ablation_math_correct_only.sh", {}, {"algorithm.diversity.gate": 0.5, "algorithm.diversity.floor": 0.1}),
        ("baseline_gsm8k_grpo.sh", {"STD": "True"}, {"algorithm.norm_adv_by_std_in_grpo": True}),
        ("baseline_wildchat_grpo_llama8b.sh", {}, {"algorithm.norm_adv_by_std_in_grpo": True}),
        ("darling_wildchat_llama8b.sh", {}, {"algorithm.norm_adv_by_std_in_grpo": False, "data.train_batch_size": 32}),
        ("darling_math_qwen3_4b.sh", {}, {"actor_rollout_ref.actor.ppo_mini_batch_size": 64}),
        ("darling_math_qwen3_4b.sh", {}, {"actor_rollout_ref.actor.use_kl_loss": False}),
        ("darling_math_qwen3_4b.sh", {"NNODES": "8"}, {"ray_kwargs.ray_init.address": "auto", "trainer.nnodes": 8}),
        (
            "darling_wildchat_llama70b.sh",
            {"RAY_ADDRESS": "head:6379"},
            {"ray_kwargs.ray_init.address": "head:6379", "trainer.nnodes": 4},
        ),
    ],
)
def test_knobs(script, knobs, expected, commands, checked):
    from omegaconf import OmegaConf

    (overrides,) = commands(script, "gpu", **knobs)
    config = checked(overrides)
    assert {key: OmegaConf.select(config, key) for key in expected} == expected


def test_an_unknown_method_is_refused():
    environment = os.environ | {"DRY_RUN": "1", "METHOD": "divpo"}
    done = subprocess.run(["bash", RECIPES / "dqo_gsm8k_qwen.sh"], env=environment, capture_output=True, text=True)
    assert done.returncode != 0
    assert "METHOD=divpo is not in recipes/_methods.sh" in done.stderr


def test_the_toy_runs_its_module(commands, tmp_path):
    (line,) = commands("toy_city.sh", "cpu", "--seeds", "3")
    assert line == [str(tmp_path / "out"), "--seeds", "3"]


@pytest.mark.parametrize("profile", ["gpu", "cpu"])
def test_temperatures_are_sampled_and_evaluated(profile, commands):
    from dqo_verl.cli import parse

    lines = commands("pareto_temperature.sh", profile, "a=m/one", "b=m/two", SCORE="my.py:score")
    parsed = [parse(line) for line in lines]
    sampled, evaluated = parsed[::2], parsed[1::2]
    assert [(each.model, each.temperature) for each in sampled] == [
        (model, (t,)) for model in ("m/one", "m/two") for t in (0.2, 0.4, 0.6, 0.8, 1.2)
    ]
    assert [str(each.inputs[0]) for each in evaluated] == [str(each.out) for each in sampled]
    assert {each.metrics.score_with for each in evaluated} == {"my.py:score"}
    assert {each.metrics.reward_model for each in evaluated} == {None}


def test_temperatures_need_nothing_on_the_tiny_profile_and_say_what_they_need_on_a_gpu(commands, cache, tmp_path):
    lines = commands("pareto_temperature.sh", "cpu")
    assert len(lines) == 10
    assert all(line[line.index("--reward-model") + 1] == f"{cache}/tiny/reward_model" for line in lines[1::2])
    environment = os.environ | {"DRY_RUN": "1", "PROFILE": "gpu", "DQO_VERL_CACHE": str(cache)}
    script = ["bash", RECIPES / "pareto_temperature.sh"]
    done = subprocess.run(script, env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert "needs models, NAME=PATH each" in done.stderr
    (_, evaluated, *_) = commands("pareto_temperature.sh", "gpu", "a=m/one", PROMPTS="p.jsonl")
    assert evaluated[evaluated.index("--reward-model") + 1] == "Skywork/Skywork-Reward-Gemma-2-27B-v0.2"
    (_, evaluated, *_) = commands("pareto_temperature.sh", "gpu", "a=m/one", PROMPTS="p.jsonl", RM="")
    assert "--reward-model" not in evaluated


@pytest.mark.parametrize("task", ["sums", "sentences"])
def test_every_row_of_the_demo(task, commands, checked, cache):
    from experiments.collapse import sums

    sums.save_embedder(cache / "demo/sums-s0/embedder")
    rows = "grpo grpo_no_std entropy darling pairwise gate dqo_alpha0.25 dqo_k4 std_alpha4 decoupled_alpha4 dqo_k16"
    configs = [checked(o) for o in commands("demo_collapse.sh", "cpu", TASK=task, SEED="0", ROWS=rows)]
    found = {row: config.algorithm for row, config in zip(rows.split(), configs, strict=True)}
    settings = {row: algorithm.get("diversity") or {} for row, algorithm in found.items()}
    assert [row for row in found if found[row].norm_adv_by_std_in_grpo] == ["grpo", "std_alpha4", "decoupled_alpha4"]
    assert [row for row, own in settings.items() if own.get("alpha") == 4] == ["std_alpha4", "decoupled_alpha4"]
    assert settings["decoupled_alpha4"].scale == "decoupled"
    assert settings["gate"].gate == 0.5
    assert settings["pairwise"].diversity == "pairwise"
    assert settings["darling"].combine == "multiply"
    assert configs[7].actor_rollout_ref.rollout.n == 4
    assert configs[2].actor_rollout_ref.actor.entropy_coeff == 0.01
    assert {config.trainer.v1.sampler.custom_sampler.name for config in configs} == {"QuickReplayBuffer"}


def classifier_actions(lines):
    """Each line as `dqo-verl` would understand it, whoever starts it."""
    from dqo_verl.cli import parse

    return [parse(line[line.index("dqo_verl.cli") + 1 :] if "dqo_verl.cli" in line else line) for line in lines]


@pytest.mark.parametrize("script", ["classifier_chat_modernbert.sh", "classifier_math_qwen3.sh"])
def test_classifier_recipes_have_the_papers_settings(script, commands):
    *first, train, evaluate = classifier_actions(commands(script, "gpu", ENDPOINT="http://judge:8000/v1"))
    own = train.training
    found = (own.steps, own.batch, own.micro_batch, own.lr, own.warmup, own.tokens, own.precision)
    assert found == (80, 64, 1, 2e-5, 10, 2048, "bf16")
    assert evaluate.checkpoint == f"{train.out}/model"
    if "math" in script:
        *samples, label = first
        assert own.backbone == "Qwen/Qwen3-Embedding-4B"
        assert len(samples) == 7
        assert {one.out.parent for one in samples} == {label.traces[0]}
        assert label.model == "meta-llama/Llama-3.3-70B-Instruct"
        assert own.gradient_checkpointing
    else:
        assert own.backbone == "answerdotai/ModernBERT-base"
        assert not first


@pytest.mark.parametrize("script", ["classifier_chat_modernbert.sh", "classifier_math_qwen3.sh"])
def test_classifier_recipes_without_a_gpu(script, commands):
    train, evaluate = classifier_actions(commands(script, "cpu", "--seed", "3"))
    assert (train.training.backbone, train.training.seed) == ("sentence-transformers/all-MiniLM-L6-v2", 3)
    assert evaluate.train == train.source
    (train,) = classifier_actions(commands(script, "cpu", PAIRS="my/pairs.jsonl"))
    assert train.source == ("my/pairs.jsonl",)


def test_the_mathematics_classifier_needs_a_judge_or_pairs():
    environment = os.environ | {"DRY_RUN": "1", "PROFILE": "gpu"}
    done = subprocess.run(
        ["bash", RECIPES / "classifier_math_qwen3.sh"], env=environment, capture_output=True, text=True
    )
    assert done.returncode != 0
    assert "ENDPOINT=http://host:port/v1" in done.stderr


def test_a_classifier_of_ones_own_is_used_without_a_gpu_too(commands, tmp_path):
    (tmp_path / "mine").mkdir()
    (overrides,) = commands("darling_wildchat_llama8b.sh", "cpu", CLASSIFIER="mine")
    assert f"+algorithm.diversity.classifier={tmp_path}/mine" in overrides


def test_a_knob_without_effect_is_refused(cache):
    environment = os.environ | {"DRY_RUN": "1", "DQO_VERL_CACHE": str(cache), "ALPHA": "2", "METHOD": "darling"}
    done = subprocess.run(["bash", RECIPES / "dqo_gsm8k_qwen.sh"], env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert "ALPHA weighs what is added to the reward; METHOD=darling adds nothing" in done.stderr


def test_the_demo_does_not_mix_runs_of_different_settings(tmp_path):
    (tmp_path / "settings").write_text("TASK=sums STEPS=30 \n")
    environment = os.environ | {"OUT": str(tmp_path), "STEPS": "40"}
    done = subprocess.run(["bash", RECIPES / "demo_collapse.sh"], env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert f"{tmp_path} holds runs with TASK=sums STEPS=30 , not with TASK=sums STEPS=40 . Type OUT=DIR" in done.stderr


def test_the_published_evidence_is_what_its_records_say(tmp_path):
    """All runs are there, so that nothing is trained; the documents' table and verdicts come out again, and no report is promised."""
    published = RECIPES.parent / "experiments" / "collapse" / "evidence" / "sums"
    shutil.copytree(published / "records", tmp_path / "records")
    environment = os.environ | {"OUT": str(tmp_path), "SEEDS": "5"}
    done = subprocess.run(["bash", RECIPES / "demo_collapse.sh"], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "results.md").read_text() == (published / "results.md").read_text()
    assert "== sums, seed" not in done.stdout
    assert "the report:" not in done.stdout
