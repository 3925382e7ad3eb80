"""Every touch of a name of verl that is not a public registry. Each has a test in tests/contracts. (`cpu/patches.py` has its own.)

verl 0.9 hands a registered estimator rewards, mask and uid only. The hooks below keep the current batch at hand while
verl computes advantages, and call what `plugin.py` gives them before Ray starts and with the trainer.
"""

import contextlib
import contextvars
import dataclasses
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from types import ModuleType
from typing import Any

import torch
from wrapt import wrap_function_wrapper

from dqo_verl.core.methods import METHODS

# ---- the seam: what verl is working on while an estimator runs -------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Step:
    """One call of `PPOTrainer._compute_advantage`."""

    trainer: Any
    # A transfer_queue.KVBatchMeta: keys "{uid}_{session}_{index}", tags, partition_id.
    batch: Any
    metrics: dict[str, Any]

    def fetch(self, keys: list[str], *fields: str) -> Any:
        """Columns of some rows from the TransferQueue, in the order of `keys`."""
        import transfer_queue as tq

        return tq.kv_batch_get(keys=keys, partition_id=self.batch.partition_id, select_fields=list(fields))


_current: contextvars.ContextVar[Step] = contextvars.ContextVar("dqo_verl_step")


def current_step() -> Step:
    """The step that verl is computing advantages for."""
    try:
        return _current.get()
    except LookupError:
        raise RuntimeError(
            "An estimator of dqo_verl ran outside PPOTrainer._compute_advantage. It needs verl's V1 trainer: "
            "trainer.use_v1=True, started by python -m verl.trainer.main_ppo."
        ) from None


@contextlib.contextmanager
def working_on(step: Step) -> Iterator[None]:
    token = _current.set(step)
    try:
        yield
    finally:
        _current.reset(token)


def hook_trainer(
    module: ModuleType,
    start: Callable[[Any], None],
    while_validating: Callable[[], AbstractContextManager[None]],
    while_fitting_on_cpu: Callable[[], AbstractContextManager[None]],
) -> None:
    """`PPOTrainer`: `start(config)` before the models, remember the batch while advantages are computed, and wrap the rest."""

    def init(wrapped: Any, trainer: Any, args: Any, kwargs: Any) -> Any:
        start(trainer.config)
        return wrapped(*args, **kwargs)

    def compute_advantage(wrapped: Any, trainer: Any, args: Any, kwargs: Any) -> Any:
        def remember(batch: Any, metrics: dict[str, Any]) -> Any:
            with working_on(Step(trainer, batch, metrics)):
                return wrapped(batch, metrics)

        return remember(*args, **kwargs)

    def validate(wrapped: Any, trainer: Any, args: Any, kwargs: Any) -> Any:
        with while_validating():
            return wrapped(*args, **kwargs)

    def fit(wrapped: Any, trainer: Any, args: Any, kwargs: Any) -> Any:
        on_cpu = trainer.config.trainer.device == "cpu"
        with while_fitting_on_cpu() if on_cpu else contextlib.nullcontext():
            return wrapped(*args, **kwargs)

    wrap_function_wrapper(module, "PPOTrainer.init", init)
    wrap_function_wrapper(module, "PPOTrainer._compute_advantage", compute_advantage)
    wrap_function_wrapper(module, "PPOTrainer._validate", validate)
    wrap_function_wrapper(module, "PPOTrainer.fit", fit)


def has_plain_reward_tensor(config: Any) -> bool:
    """Whether the configured manager leaves `assemble_rm_scores`, which verl calls on the class, as it is."""
    from verl.experimental.reward_loop.reward_manager.base import RewardManagerBase
    from verl.trainer.ppo.reward import resolve_reward_manager_cls

    manager = resolve_reward_manager_cls(config)
    return manager.assemble_rm_scores.__func__ is RewardManagerBase.assemble_rm_scores.__func__


def registered_bases() -> list[str]:
    """verl's own estimators."""
    from verl.trainer.ppo.core_algos import ADV_ESTIMATOR_REGISTRY

    return [name for name in ADV_ESTIMATOR_REGISTRY if name not in METHODS]


def base_advantage(
    base: str, rewards: torch.Tensor, mask: torch.Tensor, uids: Any, keys: list[str], config: Any, values: Any
) -> tuple[torch.Tensor, torch.Tensor]:
    """Advantages and returns of verl's estimator `base`, exactly as its V1 trainer computes them."""
    from tensordict import TensorDict
    from verl.protocol import DataProto
    from verl.trainer.ppo.v1.utils import compute_advantage_for_multi_trajectories

    columns = {"token_level_rewards": rewards, "response_mask": mask}
    if values is not None:
        columns["values"] = values
    data = DataProto(batch=TensorDict(columns, batch_size=len(rewards)), non_tensor_batch={"uid": uids})
    data = compute_advantage_for_multi_trajectories(
        data,
        batch_keys=keys,
        adv_estimator=base,
        gamma=config.gamma,
        lam=config.lam,
        norm_adv_by_std_in_grpo=config.get("norm_adv_by_std_in_grpo", True),
        config=config,
    )
    return data.batch["advantages"], data.batch["returns"]


# ---- the config: checked and completed in the driver, before Ray starts ---------------------------------------------


def hook_config(module: ModuleType, prepare: Callable[[Any], None]) -> None:
    """`validate_config` runs in the driver of every verl command: `prepare(config)` goes first."""

    def validate_config(wrapped: Any, _: Any, args: Any, kwargs: Any) -> Any:
        def prepare_first(config: Any, use_reference_policy: bool, use_critic: bool) -> Any:
            prepare(config)
            # A run with base=gae has enabled the critic in `prepare`.
            brings_critic = bool(config.critic.enable)
            return wrapped(
                config=config, use_reference_policy=use_reference_policy, use_critic=use_critic or brings_critic
            )

        return prepare_first(*args, **kwargs)

    wrap_function_wrapper(module, "validate_config", validate_config)


def hook_device(module: ModuleType, use_cpu: Callable[[Any], None], refuse_async: Callable[[Any], None]) -> None:
    """`auto_set_device` is verl's first look at the config, and would turn trainer.device=cpu into cuda.

    It is also the only one of ours that the fully asynchronous trainer passes: it never validates its config.
    """

    def auto_set_device(wrapped: Any, _: Any, args: Any, kwargs: Any) -> Any:
        config = kwargs["config"] if "config" in kwargs else args[0]
        if config and config.get("async_training") is not None:
            refuse_async(config)
        if config and config.trainer.device == "cpu":
            use_cpu(config)
        return wrapped(config)

    wrap_function_wrapper(module, "auto_set_device", auto_set_device)
