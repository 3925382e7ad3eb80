"""How many GPUs verl itself uses, which depends on its trainer."""

from omegaconf import DictConfig, OmegaConf


def has_rollout_apart(config: DictConfig) -> bool:
    """Whether it is the fully asynchronous or the one-step-off trainer: their config has `rollout` at the top level."""
    return config.get("rollout") is not None


def is_v1(config: DictConfig) -> bool:
    return bool(config.trainer.get("use_v1", False)) and not has_rollout_apart(config)


def has_standalone_rollout(config: DictConfig) -> bool:
    """Whether the rollout has its own GPUs, so that weights must be sent to it."""
    return has_rollout_apart(config) or (is_v1(config) and config.trainer.v1.trainer_mode == "separate_async")


def gpus_of_verl(config: DictConfig) -> int:
    pools = [config.trainer]
    # verl reserves these, whether the reward model is enabled or not
    if config.reward.reward_model.enable_resource_pool:
        pools.append(config.reward.reward_model)
    if OmegaConf.select(config, "distillation.enabled"):
        pools.append(config.distillation)
    if has_standalone_rollout(config):
        pools.append(config.rollout if has_rollout_apart(config) else config.actor_rollout_ref.rollout)
    return int(sum(pool.nnodes * pool.n_gpus_per_node for pool in pools))
