"""`DQO_VERL_CHECK=1` before a verl command: run every check, print each setting and its origin, and stop before Ray."""

import inspect
import sys
from types import ModuleType
from typing import Any

from omegaconf import DictConfig, OmegaConf

from dqo_verl.core.methods import METHODS
from dqo_verl.core.settings import Settings
from dqo_verl.errors import UserError
from dqo_verl.integrations.verl import overrides
from dqo_verl.integrations.verl.typed import PREFIX, VERL
from dqo_verl.integrations.wrapping import wrap

# verl's own settings that change what diversity does: shown even if not typed
BESIDE = (
    "algorithm.norm_adv_by_std_in_grpo",
    "actor_rollout_ref.rollout.n",
    "actor_rollout_ref.rollout.temperature",
    "data.train_batch_size",
)


def hook_ray(module: ModuleType) -> None:
    """Stop a command that starts Ray: it has called none of our hooks and would train."""

    def init(*_: Any, **__: Any) -> None:
        print(
            "dqo_verl: nothing was checked, because this command starts Ray before verl's auto_set_device or validate_config "
            "gets its config.",
            file=sys.stderr,
        )
        raise SystemExit(2)

    wrap(module, "init", init)


def stop(config: DictConfig, settings: Settings | None, estimator: str, origins: dict[str, str]) -> None:
    """Print the settings and stop.

    `estimator`: what the user typed; `origins`: where values of verl's own settings come from that the user did not type.
    """
    # the fully asynchronous trainer does not call validate_config, and its batch sizes would not pass
    if config.get("async_training") is None:
        _checked_by_verl(config)
    if settings is None:
        print(f"algorithm.adv_estimator={config.algorithm.adv_estimator}: this run does not use dqo_verl.")
    else:
        rows = [("setting", "where it comes from"), *_ours(settings, estimator), *_verls(config, origins)]
        width = max(len(setting) for setting, _ in rows)
        print("\n".join(f"  {setting:{width}}  {origin}" for setting, origin in rows))
    print("All checks passed, and nothing was started.", flush=True)
    raise SystemExit(0)


def _checked_by_verl(config: DictConfig) -> None:
    from hydra.errors import InstantiationException
    from verl.trainer.ppo.utils import need_critic, need_reference_policy
    from verl.utils.config import validate_config

    try:
        # unwrapped, because our wrapper calls this function
        inspect.unwrap(validate_config)(
            config=config, use_reference_policy=need_reference_policy(config), use_critic=need_critic(config)
        )
    except (AssertionError, ValueError, InstantiationException) as error:
        raise UserError(f"verl refuses this command: {error.__cause__ or error}") from error


def _ours(settings: Settings, estimator: str) -> list[tuple[str, str]]:
    typed = overrides.typed()
    rows = []
    for key, value in settings.flat().items():
        places = {
            "method": ("algorithm.adv_estimator",),
            "measure": ("reward_model.diversity",),
            "base": (f"{PREFIX}.base",) if estimator in METHODS else (f"{PREFIX}.base", "algorithm.adv_estimator"),
        }.get(key, (f"{PREFIX}.{key}",))
        written = next((place for place in places if place in typed), None)
        preset = METHODS.get(estimator, {})
        origin = "typed" if written else f"preset of {settings.method}" if key in preset else "default"
        if key != "method":
            rows.append((VERL(key, "null" if value is None else value), origin))
        elif estimator in METHODS:
            rows.append((f"algorithm.adv_estimator={value}", origin))
    return rows


def _verls(config: DictConfig, origins: dict[str, str]) -> list[tuple[str, str]]:
    typed = overrides.typed()
    return [
        (f"{key}={OmegaConf.select(config, key)}", "typed" if key in typed else origins.get(key, "verl's default"))
        for key in BESIDE
    ]
