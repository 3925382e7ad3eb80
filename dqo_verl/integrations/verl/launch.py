"""Before Ray starts: read what the user typed, refuse what cannot work, complete the config, say what will run."""

import dataclasses
from importlib.util import find_spec
from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict

from dqo_verl.core.methods import METHODS, SYMMETRIC, VERL_SETTINGS
from dqo_verl.core.settings import ACROSS_GROUPS, FIELDS, PREFIX, Settings, resolve
from dqo_verl.errors import UserError
from dqo_verl.integrations.verl import seam
from dqo_verl.models import hub as models
from dqo_verl.rewards import hf_scorer

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


def prepare(config: DictConfig) -> None:
    """Turn what was typed into complete settings under `algorithm.diversity`; without diversity nothing is changed."""
    algorithm = config.algorithm
    typed = dict(algorithm.get("diversity") or {})
    if FIELDS.keys() <= typed.keys():  # already done
        return
    _check_scorer(config)
    measure = OmegaConf.select(config, "reward_model.diversity")
    estimator = str(getattr(algorithm.adv_estimator, "value", algorithm.adv_estimator))
    settings = resolve(estimator, measure, typed, seam.registered_bases())
    if settings is None:
        return
    _refuse(config, settings)
    with open_dict(config):
        if estimator not in METHODS:
            algorithm.adv_estimator = "dqo"
        for key, value in VERL_SETTINGS.get(settings.method, {}).items():
            if not _was_typed(key):
                OmegaConf.update(config, key, value)
        if settings.base == "gae":
            config.critic.enable = True
        algorithm.diversity = dataclasses.asdict(settings)
        if _can_stream(config, settings):
            algorithm.diversity.quality_manager = config.reward.reward_manager
            config.reward.reward_manager = {**config.reward.reward_manager, "source": "register", "name": "dqo_verl"}
    print(_announcement(settings, config), flush=True)


def settings_of(config: Any) -> Settings:
    """The complete settings that `launch.prepare` left in `algorithm.diversity`."""
    values = dict(config.get("diversity") or {})
    if not FIELDS.keys() <= values.keys():
        raise UserError(
            "algorithm.diversity is not complete: verl.utils.config.validate_config(config, ...) must run before Ray "
            "starts, as verl.trainer.main_ppo does."
        )
    values.pop("quality_manager", None)
    return Settings(**values)


def refuse_fully_async(config: DictConfig) -> None:
    """verl's fully asynchronous trainer reads none of our settings: what was typed would be ignored without a word."""
    typed = OmegaConf.select(config, "reward_model.diversity") is not None or config.algorithm.get("diversity")
    if typed or str(config.algorithm.adv_estimator) in METHODS:
        raise UserError(
            "verl's fully asynchronous trainer is not supported: diversity would be ignored. Start "
            "python -m verl.trainer.main_ppo; trainer.v1.trainer_mode=colocate_async generates ahead there, too."
        )


def _refuse(config: DictConfig, settings: Settings) -> None:
    for old, new in LEGACY.items():
        if OmegaConf.select(config, old) is not None:
            raise UserError(f"verl 0.9 ignores {old}. Write {new} instead.")
    if not config.trainer.use_v1:
        raise UserError("trainer.use_v1=False is not supported. Drop it: verl's V1 trainer is the default.")
    if config.algorithm.use_pf_ppo:
        raise UserError("algorithm.use_pf_ppo reorders responses within verl. Set algorithm.use_pf_ppo=False.")
    if settings.diversity != "none" and config.actor_rollout_ref.rollout.n < 2:
        raise UserError(
            f"actor_rollout_ref.rollout.n={config.actor_rollout_ref.rollout.n}: one response per prompt has nothing to "
            "differ from. Set actor_rollout_ref.rollout.n=4 (DQO's default) or 8 (DARLING's)."
        )
    reward_model = config.reward.reward_model
    if reward_model.enable and not reward_model.enable_resource_pool and config.reward.custom_reward_function.path:
        raise UserError(
            "A custom reward function beside a colocated reward model gets no data_source and no ground truth from verl "
            "0.9. Set reward.reward_model.enable_resource_pool=True with its own n_gpus_per_node, or drop the function."
        )
    models.check(settings)


def _check_scorer(config: DictConfig) -> None:
    """What a reward function needs, before Ray starts: verl goes on without responses whose reward raises."""
    function = config.reward.custom_reward_function
    if (scorer := hf_scorer.arguments(function)) is not None:
        hf_scorer.check(**scorer)
    if function.path == "pkg://dqo_verl.rewards.math" and find_spec("math_verify") is None:
        raise UserError(f"{function.path} needs math-verify. Type: pip install 'dqo_verl[math]'")


def _can_stream(config: DictConfig, settings: Settings) -> bool:
    """Whether responses pass a reward manager that may be wrapped. Otherwise features are computed when asked for."""
    reward = config.reward
    scored_by_model_alone = reward.reward_model.enable and reward.custom_reward_function.path is None
    return (
        settings.stream
        and settings.reads in ("embeddings", "classes")
        and not scored_by_model_alone
        and seam.has_plain_reward_tensor(config)
    )


def _was_typed(key: str) -> bool:
    """Whether the user set `key` on the command line: a method's own preference never overrides it."""
    from hydra.core.hydra_config import HydraConfig

    if not HydraConfig.initialized():
        return False
    return any(override.lstrip("+~").split("=")[0] == key for override in HydraConfig.get().overrides.task)


def _announcement(settings: Settings, config: DictConfig) -> str:
    std = config.algorithm.norm_adv_by_std_in_grpo
    values = ", ".join(f"{key}={value}" for key, value in dataclasses.asdict(settings).items())
    lines = [f"[dqo_verl] {values}, norm_adv_by_std_in_grpo={std}"]
    if std and settings.base.startswith("grpo") and settings.scale == "raw" and not settings.changes_nothing:
        lines.append(
            "[dqo_verl] note: with std division, groups of equal quality get full-size advantages from the bonus alone, "
            f"whatever alpha is. To avoid it: algorithm.norm_adv_by_std_in_grpo=False or +{PREFIX}.scale=decoupled."
        )
    if settings.diversity == "partition" and settings.classifier is None:
        lines.append(
            f"[dqo_verl] note: no pair classifier: two responses are the same above a cosine of {settings.cosine_threshold:g}, classes by "
            f"{settings.rule}. With one it is DARLING: +{PREFIX}.classifier=NAME_OR_PATH"
        )
    adds = settings.combine != "multiply" and not settings.changes_nothing and settings.base not in ACROSS_GROUPS
    if config.actor_rollout_ref.rollout.n == 2 and settings.diversity in SYMMETRIC and adds:
        lines.append(
            f"[dqo_verl] note: two responses are equally diverse, and {settings.base} compares within groups: with "
            "actor_rollout_ref.rollout.n=2 the bonus cancels. Take 3 at least, or base=gae."
        )
    return "\n".join(lines)
