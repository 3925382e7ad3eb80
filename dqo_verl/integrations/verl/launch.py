"""Before Ray starts: read what the user typed, refuse what cannot work, complete the config, say what will run."""

from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict

from dqo_verl.core.methods import METHODS
from dqo_verl.core.settings import Settings, parse
from dqo_verl.core.sources import Model
from dqo_verl.errors import UserError
from dqo_verl.integrations.verl import seam
from dqo_verl.integrations.verl.announcement import announcement
from dqo_verl.integrations.verl.refusals import check_scorer, refuse
from dqo_verl.integrations.verl.typed import VERL, resolve

# values of verl's own settings that belong to a method; what a user types on the command line wins
VERL_SETTINGS: dict[str, dict[str, Any]] = {"darling": {"algorithm.norm_adv_by_std_in_grpo": False}}
# the name of our reward manager in verl's registry
REWARD_MANAGER = "dqo_verl"


def prepare(config: DictConfig) -> None:
    """Turn what was typed into complete settings under `algorithm.diversity`; without diversity nothing is changed."""
    algorithm = config.algorithm
    typed = _plain(algorithm.get("diversity"))
    if _completed(typed) is not None:
        return
    check_scorer(config)
    measure = OmegaConf.select(config, "reward_model.diversity")
    estimator = str(getattr(algorithm.adv_estimator, "value", algorithm.adv_estimator))
    settings = resolve(estimator, measure, typed, seam.registered_bases())
    if settings is None:
        return
    refuse(config, settings)
    with open_dict(config):
        if estimator not in METHODS:
            algorithm.adv_estimator = "dqo"
        for key, value in VERL_SETTINGS.get(settings.method, {}).items():
            if not _was_typed(key):
                OmegaConf.update(config, key, value)
        if settings.base == "gae":
            config.critic.enable = True
        algorithm.diversity = settings.flat()
        if _can_stream(config, settings):
            wrapped = config.reward.reward_manager
            config.reward.reward_manager = {**wrapped, "source": "register", "name": REWARD_MANAGER, "wraps": wrapped}
    print(announcement(settings, config), flush=True)


def settings_of(config: Any) -> Settings:
    """The complete settings that `prepare` left in `algorithm.diversity`."""
    settings = _completed(_plain(config.get("diversity")))
    if settings is None:
        raise UserError(
            "algorithm.diversity is not complete: verl.utils.config.validate_config(config, ...) must run before Ray "
            "starts, as verl.trainer.main_ppo does."
        )
    return settings


def _plain(typed: Any) -> dict[str, Any]:
    """Hydra's node as a dictionary."""
    found: Any = OmegaConf.to_container(typed, resolve=True) if OmegaConf.is_config(typed) else typed
    return dict(found or {})


def _completed(values: dict[str, Any]) -> Settings | None:
    """The settings that `prepare` wrote, with every key; None for the few that a user types."""
    if not {"method", "measure", "base", "combine"} <= values.keys():
        return None
    settings = parse(values, VERL)
    return settings if settings.flat().keys() == values.keys() else None


def _can_stream(config: DictConfig, settings: Settings) -> bool:
    """Whether responses pass a reward manager that may be wrapped. Otherwise features are computed when asked for."""
    reward = config.reward
    scored_by_model_alone = reward.reward_model.enable and reward.custom_reward_function.path is None
    return (
        isinstance(settings.source, Model)
        and settings.source.stream
        and not scored_by_model_alone
        and seam.has_plain_reward_tensor(config)
    )


def _was_typed(key: str) -> bool:
    """Whether the user set `key` on the command line: a method's own preference never overrides it."""
    from hydra.core.hydra_config import HydraConfig

    if not HydraConfig.initialized():
        return False
    return any(override.lstrip("+~").split("=")[0] == key for override in HydraConfig.get().overrides.task)
