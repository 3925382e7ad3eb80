"""Refuses what cannot work in verl, before Ray starts, and says what to type instead."""

from collections.abc import Collection
from difflib import get_close_matches
from importlib import import_module
from importlib.util import find_spec
from inspect import signature

from omegaconf import DictConfig, OmegaConf

from dqo_verl import rewards
from dqo_verl.core.methods import METHODS
from dqo_verl.core.settings import Settings
from dqo_verl.errors import UserError
from dqo_verl.integrations.verl.bases import ALWAYS_DIVIDE
from dqo_verl.integrations.verl.typed import PREFIX

# keys of older verl releases and of DARLING's fork: verl 0.9 accepts them and ignores them
LEGACY = {
    "reward_model.enable": "reward.reward_model.enable",
    "reward_model.enable_resource_pool": "reward.reward_model.enable_resource_pool",
    "reward_model.model.path": "reward.reward_model.model_path",
    "reward_model.n_gpus_per_node": "reward.reward_model.n_gpus_per_node",
    "reward_model.nnodes": "reward.reward_model.nnodes",
    "reward_model.num_workers": "reward.num_workers",
    "reward_model.reward_manager": "reward.reward_manager.name",
    "reward_model.reward_loop_class_name": "reward.reward_manager.name with reward.reward_manager.source=importlib",
    "reward_model.reward_loop_module_path": "reward.reward_manager.module.path",
    "reward_model.reward_loop_source": "reward.reward_manager.source",
    "reward_model.reward_kwargs": "reward.reward_kwargs",
    "reward_model.rollout.name": "reward.reward_model.rollout.name",
    "reward_model.custom_diversity_function": f"reward_model.diversity and {PREFIX}.classifier",
    "reward_model.multiplicative": f"{PREFIX}.combine=multiply",
    "reward_model.normalize_reward_before_combine": f"{PREFIX}.combine=zscore_add",
    "custom_reward_function.path": "reward.custom_reward_function.path",
    "custom_reward_function.name": "reward.custom_reward_function.name",
    "sandbox_fusion.url": "reward.sandbox_fusion.url",
}


def check_estimator(name: str, registered: Collection[str], verls_own_command: bool) -> None:
    """Refuse an unknown estimator: verl would notice only at the first advantages, after starting its engine and generating.

    The user's own program may register an estimator where the driver does not see it. There, refuse only names that look like
    our methods.
    """
    known = [*METHODS, *registered]
    if name in known:
        return
    close = get_close_matches(name.lower(), known, n=1)
    if not verls_own_command and not METHODS.keys() & close:
        return
    hint = f" Did you mean algorithm.adv_estimator={close[0]}?" if close else ""
    raise UserError(
        f"algorithm.adv_estimator={name} is not known.{hint} Choose one of: {', '.join(known)}. For your own estimator, set "
        "VERL_USE_EXTERNAL_MODULES to the module that registers it."
    )


def refuse(config: DictConfig, settings: Settings, migrates: bool) -> None:
    """Refuse verl settings that cannot work here. `migrates`: whether the command itself moves keys of older releases."""
    for old, new in () if migrates else LEGACY.items():
        if OmegaConf.select(config, old) is not None:
            raise UserError(f"verl 0.9 ignores {old}. Write {new} instead.")
    if OmegaConf.is_missing(config.actor_rollout_ref.rollout, "name"):
        raise UserError(
            "actor_rollout_ref.rollout.name is missing. Write actor_rollout_ref.rollout.name=vllm (or sglang)."
        )
    if config.algorithm.get("use_pf_ppo"):
        raise UserError(
            "algorithm.use_pf_ppo=True resamples responses inside verl, which diversity does not support. Set "
            "algorithm.use_pf_ppo=False."
        )
    if settings.base in ALWAYS_DIVIDE and not config.algorithm.norm_adv_by_std_in_grpo:
        raise UserError(
            f"algorithm.norm_adv_by_std_in_grpo=False has no effect on {settings.base}, to which verl does not hand it. Use "
            f"{settings.spell('base', 'grpo')}, whose advantages are the same otherwise."
        )
    n = config.actor_rollout_ref.rollout.n
    settings.credit.refuse_too_few(n, f"actor_rollout_ref.rollout.n={n}")
    if not settings.reads_nothing and n < 2:
        raise UserError(
            f"actor_rollout_ref.rollout.n={n}: one response per prompt has nothing to "
            "differ from. Set actor_rollout_ref.rollout.n=4 (DQO's default) or 8 (DARLING's)."
        )
    _refuse_a_batch_that_the_gpus_cannot_share(config)
    reward_model = config.reward.reward_model
    if reward_model.enable and not reward_model.enable_resource_pool and config.reward.custom_reward_function.path:
        raise UserError(
            "With a colocated reward model, verl 0.9 gives a custom reward function no data_source and no ground truth. Set "
            "reward.reward_model.enable_resource_pool=True and reward.reward_model.n_gpus_per_node, or drop the function."
        )


def _refuse_a_batch_that_the_gpus_cannot_share(config: DictConfig) -> None:
    """verl would notice only in its first update."""
    actor = config.actor_rollout_ref.actor
    if not actor.strategy.startswith("fsdp"):
        return
    responses = actor.ppo_mini_batch_size * config.actor_rollout_ref.rollout.n
    of_sequence = actor.get("ulysses_sequence_parallel_size", 1)
    ranks = config.trainer.nnodes * config.trainer.n_gpus_per_node // of_sequence
    if ranks and responses % ranks:
        fits = max(fewer for fewer in range(1, ranks) if responses % fewer == 0)
        raise UserError(
            f"actor_rollout_ref.actor.ppo_mini_batch_size x actor_rollout_ref.rollout.n = {responses} responses cannot be split over "
            f"{ranks * of_sequence} GPUs. Use {fits * of_sequence} (trainer.n_gpus_per_node), or another ppo_mini_batch_size and "
            "data.train_batch_size."
        )


def check_scorer(config: DictConfig) -> None:
    """Check that the reward has what it needs: verl drops each response whose reward function raises, and goes on."""
    reward_model = config.reward.reward_model
    if reward_model.enable and reward_model.enable_resource_pool and reward_model.rollout.free_cache_engine:
        raise UserError(
            "With reward.reward_model.enable_resource_pool=True verl 0.9 puts the reward model's server to sleep at the start and "
            "never wakes it, so every reward would be waited for in vain. Add "
            "reward.reward_model.rollout.free_cache_engine=False."
        )
    function = config.reward.custom_reward_function
    name = rewards.module_of(function.path)
    if name is None or find_spec(name) is None:
        return
    if name == f"{rewards.__name__}.reward_model":
        needed = {"enable": True, "enable_resource_pool": True, "rollout.name": "vllm"}
        lacking = [
            f"reward.reward_model.{key}={value}"
            for key, value in needed.items()
            if OmegaConf.select(reward_model, key) != value
        ]
        if lacking:
            raise UserError(
                f"The reward function {function.path} asks a reward model that verl serves. Add {' '.join(lacking)}."
            )
    check = getattr(import_module(name), "check", None)
    settings = list(signature(check).parameters) if check else []
    typed = dict(function.get("reward_kwargs") or {})
    for key, value in typed.items():
        if key not in settings:
            close = get_close_matches(key, settings, n=1)
            instead = f"Did you mean {close[0]}?" if close else f"It has {', '.join(settings) or 'no settings'}."
            raise UserError(
                f"reward.custom_reward_function.reward_kwargs.{key}={value} has no effect on {function.path}. {instead}"
            )
    if check:
        check(**typed)
