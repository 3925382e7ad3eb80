"""Every recipe, in both profiles: its command composes with verl's own config and passes verl's checks and ours, without Ray."""

import shutil
import socket
from pathlib import Path

import pytest

from experiments.collapse.verdicts import results
from tests.composing import compose_as_typed

RECIPES = Path(__file__).parents[2] / "recipes"
OTHERS = (
    "pareto",
    "demo",
    "toy",
    "classifier",
    "reproduce",
    "gpu_check",
)  # are no single training by verl: tested below, and in places of their own
SCRIPTS = sorted(path.name for path in RECIPES.glob("[!_]*.sh") if not path.name.startswith(OTHERS))
PROFILES = ["gpu", pytest.param("cpu", marks=pytest.mark.slow)]
SWEEPS = {"ablation_alpha_k.sh": {"ALPHAS": "0.5", "KS": "8"}}  # fewer runs, which differ in these values only
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
    "maxrl": ("none", "add"),
    "pkpo": ("none", "add"),
    "focal": ("none", "add"),
    "uniqueness": ("uniqueness", "weigh"),
    "baseline": (None, None),
    "4gram": ("ngram", "multiply"),
    "additive": ("partition", "zscore_add"),
    "darling": ("partition", "multiply"),
    "floor": ("partition", "multiply"),
    "correct_only": ("partition", "multiply"),
    "dqo": ("dpp", "add"),
    "diverse": ("dpp", "add"),
    "alpha_k": ("dpp", "add"),
}


@pytest.mark.parametrize("profile", PROFILES)
def test_steps_count_in_both_profiles(profile, commands, checked):
    (overrides,) = commands("dqo_gsm8k_qwen.sh", profile, STEPS="7")
    assert checked(overrides).trainer.total_training_steps == 7


@pytest.mark.parametrize("script", ["dqo_gsm8k_qwen.sh", "baseline_gsm8k_ppo.sh"])
def test_without_flash_attention_a_gpu_run_uses_pytorchs(script, commands, checked, tmp_path, monkeypatch):
    (overrides,) = commands(script, "gpu")
    config = checked(overrides)
    for model in (config.actor_rollout_ref.model, config.critic.model):
        assert model.override_config.attn_implementation == "sdpa"
    assert config.actor_rollout_ref.model.use_fused_kernels
    # what the user types comes later
    (overrides,) = commands(script, "gpu", "+actor_rollout_ref.model.override_config.attn_implementation=eager")
    assert checked(overrides).actor_rollout_ref.model.override_config.attn_implementation == "eager"
    (tmp_path / "flash_attn").mkdir()
    (tmp_path / "flash_attn/__init__.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (overrides,) = commands(script, "gpu")
    assert not [override for override in overrides if "attn_implementation" in override or "fused" in override]


@pytest.mark.parametrize("profile", PROFILES)
def test_a_run_keeps_its_metrics_and_few_checkpoints(profile, commands, checked, tmp_path):
    """The logger's path travels in the config: workers of a Ray that runs already do not see this shell's environment."""
    (overrides,) = commands("dqo_gsm8k_qwen.sh", profile)
    config = checked(overrides)
    path = config.ray_kwargs.ray_init.runtime_env.env_vars.VERL_FILE_LOGGER_PATH
    assert Path(path).parent == tmp_path / "out"
    assert config.trainer.max_actor_ckpt_to_keep == config.trainer.max_critic_ckpt_to_keep == 3


def test_settings_that_follow_from_knobs_and_machine(commands, monkeypatch):
    (overrides,) = commands("dqo_dolly_llama.sh", "gpu", PROMPT="100", RESPONSE="200", TOKENS="5000", NGPUS="4")
    values = in_force(overrides)
    assert values["actor_rollout_ref.rollout.max_model_len"] == "300"
    assert values["critic.ppo_max_token_len_per_gpu"] == "5000"
    assert int(values["ray_kwargs.ray_init.num_cpus"]) >= 12 + 3 * 8
    assert "actor_rollout_ref.nccl_timeout" not in values
    # a length that the user types is not cut
    for typed in ("data.max_response_length=4000", "++data.max_prompt_length=4000"):
        (overrides,) = commands("dqo_dolly_llama.sh", "gpu", typed)
        assert "actor_rollout_ref.rollout.max_model_len" not in in_force(overrides)
    (overrides,) = commands("darling_wildchat_llama8b.sh", "gpu", NNODES="2")
    values = in_force(overrides)
    assert values["actor_rollout_ref.nccl_timeout"] == "3600"
    assert "ray_kwargs.ray_init.num_cpus" not in values, "Ray refuses it for a cluster that is there"
    for overrides in commands("ablation_measure.sh", "gpu"):
        assert in_force(overrides)["trainer.max_actor_ckpt_to_keep"] == "1"


def uses_the_method_of(script, config):
    """What the recipe's name promises is what runs."""
    diversity = config.algorithm.get("diversity") or {}
    promised = next((method for part, method in PROMISES.items() if part in script), None)
    return promised is None or (diversity.get("measure"), diversity.get("combine")) == promised


def in_force(overrides):
    """Override by override, as Hydra reads them: the last value of each key."""
    values = {}
    for override in overrides:
        key, _, value = override.lstrip("+").partition("=")
        if key.startswith("~"):
            values = {other: its for other, its in values.items() if not f"{other}.".startswith(f"{key[1:]}.")}
        else:
            values[key] = value
    return values


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("script", SCRIPTS)
def test_recipe(script, profile, commands, checked):
    for overrides in commands(script, profile, **SWEEPS.get(script, {})):
        config = checked(overrides)
        assert config.actor_rollout_ref.rollout.n >= 2
        assert uses_the_method_of(script, config)


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_tiny_profile_needs_no_network(script, commands, cache):
    for overrides in commands(script, "cpu", **SWEEPS.get(script, {})):
        values = in_force(overrides)
        assert values["trainer.device"] == "cpu"
        paths = [value for value in values.values() if "/" in value and "pkg://" not in value and "/out" not in value]
        tiny = [path for path in paths if path.startswith(f"{cache}/tiny")]
        assert all(Path(path).exists() for path in tiny)
        assert set(paths) - set(tiny) <= {"sentence-transformers/all-MiniLM-L6-v2"}


@pytest.mark.parametrize("profile", PROFILES)
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
        ("baseline_gsm8k_dr_grpo.sh", ["+reward_model.diversity=dpp"], ("dpp", "dpp", "grpo")),
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
    assert (diversity.method, diversity.measure, diversity.base) == expected
    assert config.critic.enable == (expected[2] == "gae" or None)
    assert {key: in_force(overrides)[key] for key in in_force(typed)} == in_force(typed)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(
    ("script", "typed"),
    [
        ("dqo_gsm8k_qwen.sh", ["algorithm.adv_estimator=grpo"]),
        ("dqo_dolly_llama.sh", ["algorithm.adv_estimator=gae", "~algorithm.diversity"]),
        ("darling_wildchat_llama8b.sh", ["algorithm.adv_estimator=grpo", "~algorithm.diversity"]),
    ],
)
def test_a_reward_only_baseline_by_what_is_typed(script, typed, profile, commands, checked):
    (overrides,) = commands(script, profile, *typed)
    assert "diversity" not in checked(overrides).algorithm


@pytest.mark.parametrize("profile", PROFILES)
def test_the_last_of_equal_overrides_counts(profile, commands, checked):
    """The recipe's, the tiny profile's, what is typed; `+` does not forbid a key that is there already."""
    typed = ["+algorithm.diversity.alpha=2", "+algorithm.diversity.alpha=3", "data.train_batch_size=48"]
    (overrides,) = commands("dqo_gsm8k_qwen.sh", profile, *typed, ALPHA="1")
    config = checked([*overrides, "actor_rollout_ref.actor.ppo_mini_batch_size=48"])
    assert config.algorithm.diversity.alpha == 3
    assert config.data.train_batch_size == 48
    assert config.data.max_prompt_length == {"gpu": 512, "cpu": 64}[profile]


@pytest.mark.parametrize(
    ("script", "knobs", "expected"),
    [
        ("dqo_gsm8k_qwen.sh", {"REWARD": "model"}, {"reward.reward_model.enable": True}),
        ("dqo_gsm8k_qwen.sh", {"ALPHA": "2", "K": "8"}, {"algorithm.diversity.alpha": 2.0}),
        ("baseline_gsm8k_entropy.sh", {"ALPHA": "0.2"}, {"algorithm.diversity.alpha": 0.2}),
        ("baseline_gsm8k_entropy.sh", {}, {"algorithm.diversity.alpha": 0.1}),
        ("baseline_gsm8k_dr_grpo.sh", {}, {"actor_rollout_ref.actor.loss_scale_factor": 1024}),
        ("baseline_gsm8k_likelihood.sh", {"KL": "0.1"}, {"actor_rollout_ref.actor.kl_loss_coef": 0.1}),
        ("baseline_gsm8k_likelihood.sh", {"REWARD": "model"}, {"algorithm.diversity.quality_shift": "group_min"}),
        ("baseline_gsm8k_entropy.sh", {}, {"algorithm.diversity.gate": 0.5}),
        ("baseline_gsm8k_entropy.sh", {"REWARD": "model"}, {"algorithm.diversity.gate": None}),
        ("darling_math_qwen3_4b.sh", {"CLASSIFIER": ""}, {"algorithm.diversity.classifier": None}),
        ("ablation_math_correct_only.sh", {}, {"algorithm.diversity.gate": 0.5, "algorithm.diversity.floor": 0.1}),
        ("diverse_gsm8k_qwen.sh", {}, {"algorithm.diversity.gate": "mean", "algorithm.diversity.unit": "gap"}),
        (
            "diverse_math_qwen3_4b.sh",
            {},
            {"algorithm.diversity.measure": "dpp", "algorithm.diversity.placement": "shared"},
        ),
        ("darling_math_qwen3_14b.sh", {}, {"trainer.nnodes": 2}),
        ("baseline_wildchat_grpo_llama8b.sh", {}, {"algorithm.norm_adv_by_std_in_grpo": True}),
        ("darling_wildchat_llama8b.sh", {}, {"algorithm.norm_adv_by_std_in_grpo": False, "data.train_batch_size": 32}),
        ("darling_math_qwen3_4b.sh", {}, {"actor_rollout_ref.actor.ppo_mini_batch_size": 64}),
        ("darling_math_qwen3_4b.sh", {}, {"actor_rollout_ref.actor.use_kl_loss": False}),
        ("darling_math_qwen3_4b.sh", {"NNODES": "8"}, {"ray_kwargs.ray_init.address": "auto", "trainer.nnodes": 8}),
        ("darling_wildchat_llama70b.sh", {}, {"ray_kwargs.ray_init.address": "auto", "trainer.nnodes": 4}),
        ("dqo_gsm8k_qwen.sh", {}, {"ray_kwargs.ray_init.address": "local"}),
    ],
)
def test_knobs(script, knobs, expected, commands, checked):
    from omegaconf import OmegaConf

    (overrides,) = commands(script, "gpu", **knobs)
    config = checked(overrides)
    assert {key: OmegaConf.select(config, key) for key in expected} == expected


@pytest.mark.parametrize("profile", PROFILES)
def test_a_ray_that_is_named_is_used(profile, commands, checked):
    with socket.create_server(("127.0.0.1", 0)) as head:
        address = f"127.0.0.1:{head.getsockname()[1]}"
        (overrides,) = commands("dqo_gsm8k_qwen.sh", profile, RAY_ADDRESS=address)
        assert checked(overrides).ray_kwargs.ray_init.address == address
    (overrides,) = commands("dqo_gsm8k_qwen.sh", "cpu", "+ray_kwargs.ray_init.address=mine", RAY_ADDRESS="")
    assert in_force(overrides)["ray_kwargs.ray_init.address"] == "mine"


@pytest.mark.parametrize(("knobs", "model"), [({}, "Qwen/Qwen3-14B-Base"), ({"MODEL": "my/own"}, "my/own")])
def test_a_variants_own_model_is_a_default_too(knobs, model, commands):
    (overrides,) = commands("darling_math_qwen3_14b.sh", "gpu", **knobs)
    assert in_force(overrides)["actor_rollout_ref.model.path"] == model


def test_the_toy_runs_its_module(commands, tmp_path):
    (line,) = commands("toy_city.sh", "cpu", "--seeds", "3")
    assert line == [str(tmp_path / "out"), "--seeds", "3"]


@pytest.mark.parametrize("profile", PROFILES)
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
    assert {each.metrics.short_answer_words for each in evaluated} == {5}, "NoveltyBench's rule"


def test_temperatures_need_nothing_on_the_tiny_profile(commands, cache):
    lines = commands("pareto_temperature.sh", "cpu")
    assert len(lines) == 10
    assert all(line[line.index("--reward-model") + 1] == f"{cache}/tiny/reward_model" for line in lines[1::2])


@pytest.mark.parametrize("profile", PROFILES)
def test_runs_that_are_compared_in_the_end(profile, commands):
    from dqo_verl.cli import parse

    lines = commands("reproduce_gsm8k.sh", profile, SEEDS="2", ROWS="grpo diverse")
    trained = [line for line in lines if any(word.startswith("algorithm.adv_estimator=") for word in line)]
    assert [in_force(line)["algorithm.adv_estimator"] for line in trained] == ["grpo", "diverse"] * 2
    assert [in_force(line)["data.seed"] for line in trained] == ["1", "1", "2", "2"]
    assert [in_force(line)["algorithm.norm_adv_by_std_in_grpo"] for line in trained] == ["True", "False"] * 2
    # without a GPU there is an environment in front
    ours = [line[line.index("dqo-verl") + 1 :] if "dqo-verl" in line else line for line in lines if line not in trained]
    sampled, evaluated = ([parse(line) for line in ours if line[0] == name] for name in ("sample", "evaluate"))
    for run, sample, evaluation in zip(trained, sampled, evaluated, strict=True):
        assert sample.model == in_force(run)["trainer.default_local_dir"]
        assert evaluation.inputs == (sample.out,)
    (report,) = [parse(line) for line in ours if line[0] == "report"]
    assert [one.split("=")[0] for one in report.runs] == ["grpo", "diverse"] * 2
    assert [Path(one.split("=")[1]) for one in report.runs] == [evaluation.out for evaluation in evaluated]


def test_temperatures_need_models_on_a_gpu(recipe):
    done = recipe("pareto_temperature.sh", PROFILE="gpu")
    assert done.returncode == 2
    assert "needs models, NAME=PATH each" in done.stderr


@pytest.mark.parametrize(
    ("knobs", "model"),
    [({}, ["Skywork/Skywork-Reward-Gemma-2-27B-v0.2"]), ({"RM": "my/rm"}, ["my/rm"]), ({"RM": ""}, [])],
)
def test_the_reward_model_that_temperatures_are_scored_by(knobs, model, commands):
    (_, evaluated, *_) = commands("pareto_temperature.sh", "gpu", "GRPO=m/one", PROMPTS="p.jsonl", **knobs)
    assert [evaluated[i + 1] for i, word in enumerate(evaluated) if word == "--reward-model"] == model


@pytest.mark.slow
@pytest.mark.parametrize("task", ["sums", "sentences"])
def test_every_row_of_the_demo(task, commands, checked, cache):
    from experiments.collapse import sums

    sums.save_embedder(cache / "demo/sums-s0/embedder")
    rows = "grpo grpo_no_std entropy darling pairwise gate dqo_alpha0.25 dqo_k4 std_alpha4 decoupled_alpha4 dqo_k16 diverse target"
    configs = [checked(o) for o in commands("demo_collapse.sh", "cpu", TASK=task, SEED="0", ROWS=rows)]
    found = {row: config.algorithm for row, config in zip(rows.split(), configs, strict=True)}
    settings = {row: algorithm.get("diversity") or {} for row, algorithm in found.items()}
    assert [row for row in found if found[row].norm_adv_by_std_in_grpo] == ["grpo", "std_alpha4", "decoupled_alpha4"]
    assert [row for row, own in settings.items() if own.get("alpha") == 4] == ["std_alpha4", "decoupled_alpha4"]
    assert settings["decoupled_alpha4"].scale == "decoupled"
    assert settings["gate"].gate == 0.5
    assert settings["pairwise"].measure == "pairwise"
    assert settings["darling"].combine == "multiply"
    assert [row for row, own in settings.items() if own.get("unit") == "gap"] == ["diverse", "target"]
    assert settings["target"].target == 0.5
    assert configs[7].actor_rollout_ref.rollout.n == 4
    assert configs[2].actor_rollout_ref.actor.entropy_coeff == 0.01
    assert {config.trainer.v1.sampler.custom_sampler.name for config in configs} == {"QuickReplayBuffer"}


def classifier_actions(lines):
    """Each line as `dqo-verl` would understand it, whoever starts it."""
    from dqo_verl.cli import parse

    return [parse(line[line.index("dqo_verl.cli") + 1 :] if "dqo_verl.cli" in line else line) for line in lines]


@pytest.mark.parametrize("script", ["classifier_chat_modernbert.sh", "classifier_math_qwen3.sh"])
def test_classifier_recipes_have_the_papers_settings(script, commands):
    judge = {"ENDPOINT": "http://judge:8000/v1"} if "math" in script else {}
    *first, train, evaluate = classifier_actions(commands(script, "gpu", **judge))
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


def test_the_mathematics_classifier_needs_a_judge_or_pairs(recipe):
    done = recipe("classifier_math_qwen3.sh", PROFILE="gpu")
    assert done.returncode == 2
    assert "ENDPOINT=http://host:port/v1" in done.stderr


def test_a_classifier_of_ones_own_is_used_without_a_gpu_too(commands, checked, tmp_path, pair_classifier):
    (tmp_path / "mine").symlink_to(pair_classifier)
    (overrides,) = commands("darling_wildchat_llama8b.sh", "cpu", CLASSIFIER="mine")
    assert in_force(overrides)["algorithm.diversity.classifier"] == str(pair_classifier)


def test_the_demo_does_not_mix_runs_of_different_settings(recipe, tmp_path):
    (tmp_path / "settings").write_text("TASK=sums STEPS=30 \n")
    done = recipe("demo_collapse.sh", OUT=str(tmp_path), STEPS="40", DRY_RUN="")
    assert done.returncode == 2
    assert f"{tmp_path} holds runs with TASK=sums STEPS=30 , not with TASK=sums STEPS=40 . Type OUT=DIR" in done.stderr


def test_a_row_that_the_demo_has_not(recipe):
    done = recipe("demo_collapse.sh", ROWS="divpo")
    assert done.returncode == 2
    assert "ROWS: divpo is not a row" in done.stderr


def test_the_published_evidence_is_what_its_records_say(recipe, tmp_path):
    """All runs are there, so that nothing is trained; the documents' table and verdicts come out again, and no report is promised."""
    published = RECIPES.parent / "experiments" / "collapse" / "evidence" / "sums"
    shutil.copytree(published / "records", tmp_path / "records")
    done = recipe("demo_collapse.sh", OUT=str(tmp_path), SEEDS="5", DRY_RUN="")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "results.md").read_text() == (published / "results.md").read_text()
    assert "== sums, seed" not in done.stderr
    assert "the report:" not in done.stdout


@pytest.mark.parametrize("task", ["sums", "few", "sentences"])
def test_each_published_page_is_what_its_records_say(task):
    published = RECIPES.parent / "experiments" / "collapse" / "evidence" / task
    assert results(published) == (published / "results.md").read_text()


@pytest.mark.parametrize(
    ("name", "profile"),
    [("a=b,c", "gpu"), ("(a) [b] {c}", "gpu"), ("it's ä", "cpu"), ("it's ä", "gpu"), ('a "b" #c:d@e%f', "gpu")],
)
def test_a_run_and_its_data_may_lie_in_a_folder_of_any_name(commands, tmp_path, name, profile):
    folder = tmp_path / name
    out, data = folder / "run", folder / "data"
    (overrides,) = commands("darling_math_qwen3_4b.sh", profile, OUT=str(out), DATA=str(data))
    config = compose_as_typed(overrides)
    assert config.trainer.default_local_dir == f"{out}/checkpoints"
    assert config.ray_kwargs.ray_init.runtime_env.env_vars.VERL_FILE_LOGGER_PATH.startswith(f"{out}/metrics-")
    if profile == "gpu":
        assert config.data.train_files == f"{data}/deepscaler10k/train.parquet"
        assert list(config.data.val_files) == [
            f"{data}/{one}/test.parquet" for one in ("aime25", "hmmt25", "brumo25", "olympiadbench")
        ]
