"""Entry point `verl.plugins`: runs at the end of `import verl` in every process, so it only leaves hooks behind.

verl hides what a plugin raises (logged at DEBUG), hence the ERROR here; `dqo-verl doctor` proves the registration.
"""

import importlib
import importlib.metadata
import logging
import os
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

from wrapt import register_post_import_hook

from dqo_verl.core.methods import METHODS
from dqo_verl.integrations.verl import seam

SUPPORTED_VERL = ("0.9.0", "0.9.1")

logger = logging.getLogger(__name__)


def _later(module: str, name: str) -> Callable[..., Any]:
    """A function of the adapter that is imported when it is called."""
    return lambda *args: getattr(importlib.import_module(f"dqo_verl.integrations.verl.{module}"), name)(*args)


def _register_estimators(core_algos: ModuleType) -> None:
    compute_advantage = _later("estimator", "compute_advantage")

    def estimator(token_level_rewards: Any, response_mask: Any, index: Any, config: Any, **_: Any) -> Any:
        return compute_advantage(token_level_rewards, response_mask, index, config)

    for method in METHODS:
        core_algos.register_adv_est(method)(estimator)


def _register_reward_manager(registry: ModuleType) -> None:
    from dqo_verl.integrations.verl.reward_manager import NAME, StreamingRewardManager

    registry.register(NAME)(StreamingRewardManager)


def _install() -> None:
    version = importlib.metadata.version("verl")
    if version not in SUPPORTED_VERL:
        raise ImportError(
            f"dqo_verl supports verl {SUPPORTED_VERL[0]} to {SUPPORTED_VERL[-1]}, but verl {version} is installed: "
            f"algorithm.adv_estimator=dqo and darling are not available. Type: pip install verl=={SUPPORTED_VERL[-1]}"
        )
    if os.environ.get("VERL_PLATFORM", "").strip().lower() == "cpu":
        _later("cpu.platform", "activate")()
    trainer = partial(
        seam.hook_trainer,
        start=_later("services", "start"),
        while_validating=_later("services", "not_streaming"),
        while_fitting_on_cpu=_later("cpu.watchdog", "guard"),
    )
    hooks: dict[str, Callable[[ModuleType], None]] = {
        "verl.utils.device": partial(
            seam.hook_device, use_cpu=_later("cpu.platform", "use"), refuse_async=_later("launch", "refuse_fully_async")
        ),
        "verl.utils.config": partial(seam.hook_config, prepare=_later("launch", "prepare")),
        "verl.trainer.ppo.core_algos": _register_estimators,
        "verl.experimental.reward_loop.reward_manager": _register_reward_manager,
        "verl.trainer.ppo.v1.trainer_base": trainer,
    }
    for module, hook in hooks.items():
        register_post_import_hook(hook, module)


try:
    _install()
except Exception as error:
    logger.error("dqo_verl is not active: %s", error)
    raise
