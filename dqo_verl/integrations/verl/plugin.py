"""Entry point `verl.plugins`: runs at the end of `import verl` in every process, so it only leaves hooks behind.

verl hides what a plugin raises (logged at DEBUG), hence the ERROR here; `dqo-verl doctor` proves the registration.
"""

import importlib.metadata
import logging
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from types import ModuleType
from typing import Any

from wrapt import register_post_import_hook

from dqo_verl.core.methods import METHODS
from dqo_verl.integrations.verl import seam

SUPPORTED_VERL = ("0.9.0", "0.9.1")

logger = logging.getLogger(__name__)


# The functions below import what they need when verl calls them: `import verl` must not load our models.


def _register_estimators(core_algos: ModuleType) -> None:
    def estimator(token_level_rewards: Any, response_mask: Any, index: Any, config: Any, **_: Any) -> Any:
        from dqo_verl.integrations.verl.estimator import compute_advantage

        return compute_advantage(token_level_rewards, response_mask, index, config)

    for method in METHODS:
        core_algos.register_adv_est(method)(estimator)


def _register_reward_manager(registry: ModuleType) -> None:
    from dqo_verl.integrations.verl.launch import REWARD_MANAGER
    from dqo_verl.integrations.verl.reward_manager import StreamingRewardManager

    registry.register(REWARD_MANAGER)(StreamingRewardManager)


def _prepare(config: Any) -> None:
    from dqo_verl.integrations.verl.launch import prepare

    prepare(config)


def _refuse_fully_async(config: Any) -> None:
    from dqo_verl.integrations.verl.refusals import refuse_fully_async

    refuse_fully_async(config)


def _start(config: Any) -> None:
    from dqo_verl.integrations.verl.services import start

    start(config)


def _not_streaming() -> AbstractContextManager[None]:
    from dqo_verl.integrations.verl.services import not_streaming

    return not_streaming()


def _use_cpu(config: Any) -> None:
    from dqo_verl.integrations.verl.cpu.platform import use

    use(config)


def _guard_cpu_run() -> AbstractContextManager[None]:
    from dqo_verl.integrations.verl.cpu.watchdog import guard

    return guard()


def _install() -> None:
    version = importlib.metadata.version("verl")
    if version not in SUPPORTED_VERL:
        raise ImportError(
            f"dqo_verl supports verl {SUPPORTED_VERL[0]} to {SUPPORTED_VERL[-1]}, but verl {version} is installed: "
            f"algorithm.adv_estimator=dqo and darling are not available. Type: pip install verl=={SUPPORTED_VERL[-1]}"
        )
    if os.environ.get("VERL_PLATFORM", "").strip().lower() == "cpu":
        from dqo_verl.integrations.verl.cpu.platform import activate

        activate()
    trainer = partial(
        seam.hook_trainer,
        start=_start,
        while_validating=_not_streaming,
        while_fitting_on_cpu=_guard_cpu_run,
    )
    hooks: dict[str, Callable[[ModuleType], None]] = {
        "verl.utils.device": partial(seam.hook_device, use_cpu=_use_cpu, refuse_async=_refuse_fully_async),
        "verl.utils.config": partial(seam.hook_config, prepare=_prepare),
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
