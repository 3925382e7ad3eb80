import os
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.composing import compose_as_typed

RECIPES = Path(__file__).parents[2] / "recipes"
OURS = ("RAY_ADDRESS", "CLASSIFIER", "EMBEDDER", "VERBOSE")  # what a developer may have exported


def build(directory, policy_steps):
    """The tiny profile's own checkpoints; the judges, which tell responses apart in any case, hardly trained."""
    from experiments.tiny import judges as tiny_judges
    from experiments.tiny import policy as tiny

    tiny.build(directory / "tiny", steps=policy_steps)
    tiny_judges.build(directory / "tiny", steps=2)
    (directory / "tiny_remarks_0.3").symlink_to("tiny")  # of the same shape
    return directory


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """All hardly trained."""
    return build(tmp_path_factory.mktemp("cache"), 2)


@pytest.fixture(scope="session")
def taught(tmp_path_factory):
    """Taught half as long as a user's: a policy that knows nothing is rewarded by no rule, and has no gradient."""
    return build(tmp_path_factory.mktemp("taught"), 250)


@pytest.fixture
def recipe(cache, tmp_path):
    """`recipe(script, *typed, KNOB=value)` -> the ended process. `DRY_RUN=1` makes a recipe print what it would run."""

    def dry_run(script, *typed, **knobs):
        environment = {key: value for key, value in os.environ.items() if key not in OURS}
        environment |= {"DRY_RUN": "1", "DQO_VERL_CACHE": str(cache), "OUT": str(tmp_path / "out")}
        return subprocess.run(
            ["bash", RECIPES / script, *typed], env=environment | knobs, cwd=tmp_path, capture_output=True, text=True
        )

    return dry_run


@pytest.fixture
def commands(recipe, tmp_path):
    """`commands(script, profile, *typed, KNOB=value)` -> the arguments of each command that the recipe would run."""

    def words(script, profile, *typed, **knobs):
        done = recipe(script, *typed, PROFILE=profile, **knobs)
        assert done.returncode == 0, done.stderr
        assert not (tmp_path / "out").exists(), "a dry run leaves nothing behind"
        lines = [shlex.split(line) for line in done.stdout.replace("\\\n", "").splitlines()]
        assert lines, done.stderr
        return [line[3:] if line[0] == "python" else line[1:] for line in lines]

    return words


@pytest.fixture
def checked(cache):
    """`checked(overrides)` -> the config after everything that verl's driver does to it before Ray starts."""
    # the driver reads these before Ray starts: where they are on the hub, the tiny ones stand in
    stand_ins = {
        "actor_rollout_ref.model.path": cache / "tiny/policy",
        "critic.model.path": cache / "tiny/policy",
        "reward.reward_model.model_path": cache / "tiny/reward_model",
        "data.train_files": cache / "tiny/train.parquet",
        "data.val_files": cache / "tiny/test.parquet",
        "++algorithm.diversity.classifier": cache / "tiny/classifier",
        "++reward.custom_reward_function.reward_kwargs.model": cache / "tiny/reward_model",
    }

    def check(overrides):
        import verl  # noqa: F401  loads the plugin
        from verl.trainer.ppo.utils import need_critic, need_reference_policy
        from verl.utils.config import validate_config

        pairs = [override.partition("=") for override in overrides if not override.startswith("hydra.")]
        composed = [f"{key}{equals}{stand_ins.get(key, value)}" for key, equals, value in pairs]
        config = compose_as_typed(composed)
        validate_config(config, need_reference_policy(config), need_critic(config))
        actor = config.actor_rollout_ref.actor
        if not actor.use_dynamic_bsz:
            rows = actor.ppo_mini_batch_size * config.actor_rollout_ref.rollout.n
            assert rows % actor.ppo_micro_batch_size_per_gpu == 0, "verl asks for whole micro batches when it trains"
        return config

    return check
