"""Runs before Ray starts: reads what the user typed, refuses what cannot work, completes the config, prints what will run."""

from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict

from dqo_verl.core.methods import METHODS
from dqo_verl.core.settings import Settings, parse
from dqo_verl.core.sources import Model
from dqo_verl.errors import UserError
from dqo_verl.integrations.check_only import check_only
from dqo_verl.integrations.verl import check, overrides, ray_address, seam
from dqo_verl.integrations.verl.announcement import first_lines
from dqo_verl.integrations.verl.bases import ALWAYS_DIVIDE
from dqo_verl.integrations.verl.misspelt import refuse_misspelt
from dqo_verl.integrations.verl.probe import Verl, refuse_moved
from dqo_verl.integrations.verl.refusals import check_estimator, check_scorer, refuse
from dqo_verl.integrations.verl.resources import is_v1
from dqo_verl.integrations.verl.typed import VERL, resolve
from dqo_verl.integrations.verl.within_reach import refuse_out_of_reach

# verl's own settings that a method sets; a value typed on the command line wins
VERL_SETTINGS: dict[str, dict[str, Any]] = {method: {"algorithm.norm_adv_by_std_in_grpo": False} for method in METHODS}
# the name of our reward manager in verl's registry
REWARD_MANAGER = "dqo_verl"


def prepare(config: DictConfig) -> None:
    """Write complete settings to `algorithm.diversity`. A run without diversity keeps its config unchanged."""
    algorithm = config.algorithm
    typed = _plain(algorithm.get("diversity"))
    if _completed(typed) is not None:
        return
    if config.trainer.get("device") == "cpu":
        from dqo_verl.integrations.verl.cpu import platform

        platform.refuse(overrides.typed())
    measure = OmegaConf.select(config, "reward_model.diversity")
    estimator = str(getattr(algorithm.adv_estimator, "value", algorithm.adv_estimator))
    bases = seam.registered_bases()
    verls_own = overrides.command().startswith("verl.")
    check_estimator(estimator, bases, verls_own and not _loads_own_code(config))
    refuse_misspelt(
        overrides.added(),
        is_ours=estimator in METHODS or measure is not None,
        of_verl=estimator in METHODS or estimator in seam.estimators_of_verl(),
        migrates=_migrates(config),
    )
    check_scorer(config)
    settings = resolve(estimator, measure, typed, bases)
    of_method: dict[str, Any] = {}
    if settings is not None:
        verl = Verl.here()
        refuse_moved(verl, is_v1(config))
        refuse(config, settings, migrates=_migrates(config))
        refuse_out_of_reach(config, settings)
        ray_address.refuse_silent(config)
        preset = {} if settings.base in ALWAYS_DIVIDE else VERL_SETTINGS.get(estimator, {})
        of_method = {key: value for key, value in preset.items() if key not in overrides.typed()}
        _complete(config, settings, of_method)
        print(first_lines(settings, config, verl), flush=True)
    if check_only():
        check.stop(config, settings, estimator, dict.fromkeys(of_method, f"preset of {estimator}"))


def _complete(config: DictConfig, settings: Settings, of_method: dict[str, Any]) -> None:
    with open_dict(config):
        if config.algorithm.adv_estimator not in METHODS:
            config.algorithm.adv_estimator = "dqo"
        for key, value in of_method.items():
            OmegaConf.update(config, key, value)
        if settings.base == "gae":
            config.critic.enable = True
        config.algorithm.diversity = settings.flat()
        if _can_stream(config, settings):
            wrapped = config.reward.reward_manager
            config.reward.reward_manager = {**wrapped, "source": "register", "name": REWARD_MANAGER, "wraps": wrapped}


def _has_plain_reward_tensor(config: DictConfig) -> bool:
    try:
        return seam.has_plain_reward_tensor(config)
    except (ValueError, OSError, ImportError, AttributeError, AssertionError) as error:
        raise UserError(f"reward.reward_manager cannot be loaded: {error}") from error


# settings by which verl's trainer loads the user's code, which may register an estimator
OWN_CODE = (
    "actor_rollout_ref.model.external_lib",
    "data.custom_cls.path",
    "trainer.v1.sampler.custom_sampler.path",
    "actor_rollout_ref.rollout.agent.agent_loop_manager_class",
)


def _loads_own_code(config: DictConfig) -> bool:
    return any(OmegaConf.select(config, key) for key in OWN_CODE)


def _migrates(config: DictConfig) -> bool:
    """Whether the command may move keys of older verl releases: the fully asynchronous trainer or the user's own program."""
    return config.get("async_training") is not None or not overrides.command().startswith("verl.")


def settings_of(config: Any) -> Settings:
    """The complete settings that `prepare` left in `algorithm.diversity`."""
    settings = _completed(_plain(config.get("diversity")))
    if settings is None:
        raise UserError(
            "algorithm.diversity is not complete: verl.utils.config.validate_config(config, ...) must run before Ray "
            "starts, as in verl.trainer.main_ppo."
        )
    return settings


def _plain(typed: Any) -> dict[str, Any]:
    """Hydra's node as a dictionary."""
    found: Any = OmegaConf.to_container(typed, resolve=True) if OmegaConf.is_config(typed) else typed
    return dict(found or {})


def _completed(values: dict[str, Any]) -> Settings | None:
    """The settings if `values` has every key, as `prepare` writes them; None for the few keys that a user types."""
    if not {"method", "measure", "base", "combine"} <= values.keys():
        return None
    settings = parse(values, VERL)
    return settings if settings.flat().keys() == values.keys() else None


def _can_stream(config: DictConfig, settings: Settings) -> bool:
    """Whether we can wrap the reward manager. If not, features are computed when the trainer needs them."""
    reward = config.reward
    scored_by_model_alone = reward.reward_model.enable and reward.custom_reward_function.path is None
    return (
        is_v1(config)
        and isinstance(settings.source, Model)
        and settings.source.stream
        and not scored_by_model_alone
        and _has_plain_reward_tensor(config)
    )
