"""What happens to the config before Ray starts, and what the user reads there."""

import pytest

from dqo_verl.errors import UserError

from .conftest import compose, prepared


def test_dqo_from_one_switch(capsys):
    config = prepared("algorithm.adv_estimator=dqo")
    assert config.algorithm.diversity.measure == "dpp"
    assert "method=dqo, measure=dpp, kernel=linear, base=grpo, combine=add" in capsys.readouterr().out


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


def test_darling_turns_std_division_off_and_dqo_does_not():
    assert prepared("algorithm.adv_estimator=darling").algorithm.norm_adv_by_std_in_grpo is False
    assert prepared("algorithm.adv_estimator=dqo").algorithm.norm_adv_by_std_in_grpo is True


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
    assert "measure=" + str(tmp_path / "mine.py:Brevity") + ", words=4" in capsys.readouterr().out

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
    prepared("algorithm.adv_estimator=dqo")
    assert "scale=decoupled" in capsys.readouterr().out
    prepared("algorithm.adv_estimator=dqo", "algorithm.norm_adv_by_std_in_grpo=False")
    assert "scale=decoupled" not in capsys.readouterr().out


def test_how_classes_are_made_without_a_classifier_is_mentioned(pair_classifier, capsys):
    prepared("algorithm.adv_estimator=darling")
    assert "above a cosine of 0.891, classes by first_member" in capsys.readouterr().out
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
        (["trainer.use_v1=False"], "V1 trainer is the default"),
        (["algorithm.use_pf_ppo=True"], "reorders responses"),
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


@pytest.mark.parametrize(
    "typed",
    [["algorithm.adv_estimator=dqo"], ["algorithm.adv_estimator=grpo", "+reward_model.diversity=dpp"]],
)
def test_the_trainer_that_reads_no_settings_of_ours_is_refused(typed):
    from verl.utils.device import auto_set_device

    with pytest.raises(UserError, match="fully asynchronous trainer is not supported"):
        auto_set_device(compose(*typed, "+async_training.staleness_threshold=0.5"))
    auto_set_device(compose("algorithm.adv_estimator=grpo", "+async_training.staleness_threshold=0.5"))


@pytest.mark.parametrize("estimator", ["grpo", "dqo"])
def test_math_verify_is_missed_before_ray_starts(estimator, monkeypatch):
    from dqo_verl.integrations.verl import refusals

    typed = [f"algorithm.adv_estimator={estimator}", "reward.custom_reward_function.path=pkg://dqo_verl.rewards.math"]
    prepared(*typed)
    monkeypatch.setattr(refusals, "find_spec", lambda name: None if name == "math_verify" else name)
    with pytest.raises(UserError, match=r"pip install 'dqo_verl\[math\]'"):
        prepared(*typed)


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
    ],
)
def test_gpus_that_verl_and_our_models_need(overrides, needs):
    from dqo_verl.integrations.verl import launch, services
    from dqo_verl.rewards import hf_scorer

    config = compose(*overrides)
    typed = config.algorithm.get("diversity")
    model = launch.settings_of(prepared(*overrides).algorithm).source if typed else None
    assert services.gpus(config, model, hf_scorer.arguments(config.reward.custom_reward_function)) == needs


def test_a_directory_without_a_model_is_refused(tmp_path):
    with pytest.raises(UserError, match="not the directory of a model"):
        prepared("algorithm.adv_estimator=dqo", f"+algorithm.diversity.embedder={tmp_path}")
