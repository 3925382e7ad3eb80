"""Entry point `verl.plugins`: runs at the end of `import verl` in every process, so it only leaves hooks behind.

verl hides what a plugin raises (logged at DEBUG), hence the ERROR here; `dqo-verl doctor` proves the registration.
"""

import logging
import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from wrapt import register_post_import_hook

from dqo_verl.core.methods import METHODS
from dqo_verl.errors import plainly
from dqo_verl.integrations.check_only import check_only
from dqo_verl.integrations.verl import batch_seam, beside_trl, critic, seam
from dqo_verl.integrations.verl.probe import OLDEST, TESTED, Verl

V1_TRAINER = "verl.trainer.ppo.v1.trainer_base"
BATCH_TRAINER = "verl.trainer.ppo.ray_trainer"

logger = logging.getLogger(__name__)


# The functions below import what they need when verl calls them: `import verl` must not load our models.


def _register_estimators(core_algos: ModuleType) -> None:
    def estimator(
        token_level_rewards: Any,
        response_mask: Any,
        index: Any,
        config: Any,
        kv_meta: Any = None,
        metrics: Any = None,
        **_: Any,
    ) -> Any:
        from dqo_verl.integrations.verl.estimator import compute_advantage

        with seam.handed_over(kv_meta, metrics):
            return compute_advantage(token_level_rewards, response_mask, index, config)

    for method in METHODS:
        # a verl that has this method itself (maxrl, say) computes the same, but takes no diversity settings
        core_algos.ADV_ESTIMATOR_REGISTRY.pop(method, None)
        core_algos.register_adv_est(method)(estimator)


def _register_reward_manager(registry: ModuleType) -> None:
    from dqo_verl.integrations.verl.launch import REWARD_MANAGER
    from dqo_verl.integrations.verl.reward_manager import StreamingRewardManager

    registry.register(REWARD_MANAGER)(StreamingRewardManager)


def _prepare(config: Any) -> None:
    from hydra.core.hydra_config import HydraConfig

    from dqo_verl.integrations.verl.launch import prepare

    if not HydraConfig.initialized():
        return prepare(config)
    # Hydra would bury the message under the overrides and a traceback
    if status := plainly("dqo_verl", lambda: prepare(config)):
        sys.exit(status)


def _look_first(config: Any) -> None:
    """Runs before verl reads its config, in the driver of each of its trainers."""
    # verl's supervised trainer has no algorithm section
    if "algorithm" not in config:
        if check_only():
            sys.exit("dqo_verl: this trainer has no rewards, so there is nothing to check.")
        return
    on_cpu = config.trainer.get("device") == "cpu"
    if on_cpu:
        from dqo_verl.integrations.verl import ray_address, resources
        from dqo_verl.integrations.verl.cpu import platform

        platform.use()
    _prepare(config)
    if on_cpu:
        gpus, apart = resources.gpus_of_verl(config), resources.has_standalone_rollout(config)
        platform.configure(config, ray_address.named(config), gpus, apart)


def _keep_from_ray(module: ModuleType) -> None:
    from dqo_verl.integrations.verl.check import hook_ray

    hook_ray(module)


def _start(config: Any) -> None:
    from dqo_verl.integrations.verl.services import start

    start(config)


def _not_streaming() -> AbstractContextManager[None]:
    from dqo_verl.integrations.verl.services import not_streaming

    return not_streaming()


def _validated(trainer: Any, sources: Any, uids: Any, reported: Any, samples: Any, expected: Any) -> dict[str, float]:
    from dqo_verl.integrations.verl import validation

    config = trainer.config
    if not validation.is_on(config):
        return {}
    if validation.shows_table(config) and len(uids):
        table = validation.one_prompt(uids, samples, config.actor_rollout_ref.rollout.val_kwargs.n)
        try:
            trainer.validation_generations_logger.log(config.trainer.logger, table, trainer.global_steps)
        except Exception as error:
            # logging the table is optional, so a failure must not end the run
            print(f"[dqo_verl] note: the answers to one prompt could not be logged: {error}", flush=True)
    return validation.metrics(sources, uids, reported, samples, expected)


def _guard_cpu_run() -> AbstractContextManager[None]:
    from dqo_verl.integrations.verl.cpu.watchdog import guard

    return guard()


def _install() -> None:
    verl = Verl.here()
    if verl.is_too_old:
        raise ImportError(
            f"dqo_verl needs verl {OLDEST} or newer, but {verl.version} is installed: algorithm.adv_estimator=dqo and darling "
            f"are not available. Type: pip install verl=={TESTED}"
        )
    on_cpu = os.environ.get("VERL_PLATFORM", "").strip().lower() == "cpu"
    if on_cpu:
        from dqo_verl.integrations.verl.cpu.platform import activate

        activate()
    validation = partial(seam.hook_validation, add=_validated)
    hooks: list[tuple[str, Callable[[ModuleType], None]]] = [
        ("verl.utils.import_utils", beside_trl.hook),
        ("verl.utils.device", partial(seam.hook_device, look_first=_look_first)),
        ("verl.utils.config", partial(seam.hook_config, prepare=_prepare)),
        ("verl.trainer.ppo.core_algos", _register_estimators),
        ("verl.experimental.reward_loop.reward_manager", _register_reward_manager),
        (V1_TRAINER, partial(seam.hook_trainer, start=_start)),
        (V1_TRAINER, partial(seam.hook_while, validating=_not_streaming, fitting_on_cpu=_guard_cpu_run)),
        (V1_TRAINER, partial(validation, trainer_name="PPOTrainer")),
        (BATCH_TRAINER, partial(batch_seam.hook_trainer, start=_start)),
        ("verl.trainer.ppo.rollout_corr_helper", batch_seam.hook_rejection),
        (BATCH_TRAINER, partial(validation, trainer_name="RayPPOTrainer")),
        ("verl.trainer.ppo.metric_utils", batch_seam.hook_metrics),
        ("verl.experimental.separation.ray_trainer", partial(batch_seam.hook_separate, start=_start)),
    ]
    if on_cpu or find_spec("flash_attn") is None:
        hooks.append(("verl.utils.model", critic.load_with_sdpa))
    if check_only():
        hooks.append(("ray", _keep_from_ray))
    for module, hook in hooks:
        register_post_import_hook(_or_say(hook), module)


def _or_say(hook: Callable[[ModuleType], None]) -> Callable[[ModuleType], None]:
    """Log a hook whose target is gone: `import verl` must work for runs without dqo_verl, and `probe.py` refuses the others."""

    def install(module: ModuleType) -> None:
        try:
            hook(module)
        except AttributeError as error:
            logger.warning("dqo_verl could not hook into %s: %s", module.__name__, error)

    return install


try:
    _install()
except Exception as error:
    logger.error("dqo_verl is not active: %s", error)
    raise
