"""All uses of private names of verl's V1 trainer and driver. Each has a test in tests/contracts.

(`batch_seam.py` has those of verl's other trainers, `cpu/patches.py` those of the CPU run.) The hooks below keep the current
batch at hand while verl computes advantages. They also call functions of `plugin.py` before Ray starts and when the trainer
starts.
"""

import contextlib
import dataclasses
import inspect
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from types import ModuleType
from typing import Any

from torch import Tensor

from dqo_verl.core.methods import METHODS
from dqo_verl.integrations.verl.step import Step, working_on
from dqo_verl.integrations.verl.validation import Samples
from dqo_verl.integrations.wrapping import wrap

# ---- the seam: what verl is working on while an estimator runs -------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class QueueStep(Step):
    """One call of `PPOTrainer._compute_advantage`; the columns are in the TransferQueue."""

    partition: str

    @property
    def expected(self) -> int:
        """A synchronous run trains on without a response whose reward function raised; the others replace its whole group."""
        config = self.trainer.config
        updates = config.trainer.v1.get(config.trainer.v1.trainer_mode, {}).get("parameter_sync_step", 1)
        return int(config.data.train_batch_size // updates * config.actor_rollout_ref.rollout.n)

    def fetch(self, keys: Sequence[str], *fields: str) -> Any:
        """Columns of some rows from the TransferQueue, in the order of `keys`."""
        import transfer_queue as tq

        return tq.kv_batch_get(keys=list(keys), partition_id=self.partition, select_fields=list(fields))

    def column(self, name: str, keys: Sequence[str]) -> Tensor:
        values: Tensor = self.fetch(keys, name).to_padded_tensor()[name]
        return values

    def written(self, keys: Sequence[str]) -> list[Tensor]:
        data = self.fetch(keys, "responses", "response_mask")
        rows = zip(data["responses"].unbind(), data["response_mask"].unbind(), strict=True)
        return [ids[mask.bool()] for ids, mask in rows]

    def reported(self, keys: Sequence[str]) -> list[Mapping[str, Any]]:
        extras = self.fetch(keys, "extra_fields").pop("extra_fields").tolist()
        return [extra.get("reward_extra_info", {}) for extra in extras]

    def base_advantage(self, base: str, rewards: Tensor, mask: Tensor, index: Any) -> tuple[Tensor, Tensor]:
        from tensordict import TensorDict
        from verl.protocol import DataProto
        from verl.trainer.ppo.v1.utils import compute_advantage_for_multi_trajectories

        columns = {"token_level_rewards": rewards, "response_mask": mask}
        if base == "gae":
            columns["values"] = self.column("values", self.keys)
        config = self.trainer.config.algorithm
        data = compute_advantage_for_multi_trajectories(
            DataProto(batch=TensorDict(columns, batch_size=len(rewards)), non_tensor_batch={"uid": index}),
            batch_keys=list(self.keys),
            adv_estimator=base,
            gamma=config.gamma,
            lam=config.lam,
            norm_adv_by_std_in_grpo=config.get("norm_adv_by_std_in_grpo", True),
            config=config,
        )
        return data.batch["advantages"], data.batch["returns"]


# the V1 trainer of this process, which verl does not pass to estimators, even if it passes them the batch
_trainer: Any = None


def hook_trainer(module: ModuleType, start: Callable[[Any], None]) -> None:
    """`PPOTrainer`: call `start(config)` before the models, and keep the batch at hand while advantages are computed.

    The latter is for released versions of verl. With upstream/verl/0004-estimator_fields.patch, verl itself passes the batch to
    the estimator.
    """

    def init(original: Any, trainer: Any) -> Any:
        global _trainer
        _trainer = trainer
        start(trainer.config)
        return original(trainer)

    def compute_advantage(original: Any, trainer: Any, batch: Any, metrics: dict[str, Any]) -> Any:
        with working_on(QueueStep(trainer, metrics, batch.keys, batch.tags, batch.partition_id)):
            return original(trainer, batch, metrics)

    wrap(module, "PPOTrainer.init", init)
    if not hands_batch_over(module):
        wrap(module, "PPOTrainer._compute_advantage", compute_advantage)


def hands_batch_over(trainer_base: ModuleType) -> bool:
    """Whether this verl passes `kv_meta` and `metrics` to the estimators that accept them."""
    return "kv_meta" in inspect.signature(trainer_base.compute_advantage_for_multi_trajectories).parameters


def handed_over(kv_meta: Any, metrics: dict[str, Any] | None) -> AbstractContextManager[None]:
    """Set the step from the batch that verl passed to the estimator. Does nothing without one: then a hook has set the step."""
    if kv_meta is None or metrics is None:
        return contextlib.nullcontext()
    return working_on(QueueStep(_trainer, metrics, kv_meta.keys, kv_meta.tags, kv_meta.partition_id))


def hook_while(
    module: ModuleType,
    validating: Callable[[], AbstractContextManager[None]],
    fitting_on_cpu: Callable[[], AbstractContextManager[None]],
) -> None:
    """`PPOTrainer`: enter these contexts while it validates, and while it trains on a CPU."""

    def validate(original: Any, trainer: Any) -> Any:
        with validating():
            return original(trainer)

    def fit(original: Any, trainer: Any, agent_loop_manager: Any) -> Any:
        on_cpu = trainer.config.trainer.device == "cpu"
        with fitting_on_cpu() if on_cpu else contextlib.nullcontext():
            return original(trainer, agent_loop_manager)

    wrap(module, "PPOTrainer._validate", validate)
    wrap(module, "PPOTrainer.fit", fit)


def refuse_shared_queue() -> None:
    """A Ray cluster has one TransferQueue: two V1 runs in one cluster would train on each other's responses."""
    import ray
    import transfer_queue.interface

    try:
        controller = ray.get_actor("TransferQueueController", namespace="transfer_queue")
    except ValueError:
        return
    if controller._actor_id.job_id.hex() != ray.get_runtime_context().get_job_id():
        # verl ends this run with `tq.close()`, which would kill the controller that this process knows
        transfer_queue.interface._TQ_CONTROLLER = None
        raise RuntimeError(
            "Another run of verl's V1 trainer is in this Ray cluster, and both would take their responses from one "
            "TransferQueue. Wait until it has ended, or start this one in its own cluster: on the same machine, unset "
            "RAY_ADDRESS and add +ray_kwargs.ray_init.address=local; with GPUs, also use a container or its own /tmp."
        )


def has_plain_reward_tensor(config: Any) -> bool:
    """Whether the configured reward manager inherits `assemble_rm_scores`, which verl calls on the class."""
    from verl.experimental.reward_loop.reward_manager.base import RewardManagerBase
    from verl.trainer.ppo.reward import resolve_reward_manager_cls

    manager = resolve_reward_manager_cls(config)
    return manager.assemble_rm_scores.__func__ is RewardManagerBase.assemble_rm_scores.__func__


def estimators_of_verl() -> list[str]:
    """The names of verl's own estimators."""
    from verl.trainer.ppo.core_algos import AdvantageEstimator

    return [one.value for one in AdvantageEstimator]


def registered_bases() -> list[str]:
    """All estimators but ours: verl's, and those that the user's code registers."""
    from verl.trainer.ppo.core_algos import ADV_ESTIMATOR_REGISTRY

    return [name for name in ADV_ESTIMATOR_REGISTRY if name not in METHODS]


# ---- validation: also of the trainers that hold the batch themselves -------------------------------------------------


def hook_validation(
    module: ModuleType,
    trainer_name: str,
    add: Callable[[Any, Sequence[str], Sequence[str], Mapping[str, Any], Samples, Any], dict[str, float]],
) -> None:
    """Adds metrics to verl's validation: `add(trainer, sources, uids, reward extras, samples, expected number of samples)`."""

    def remember(original: Any, trainer: Any, inputs: Any, outputs: Any, scores: Any) -> Any:
        trainer._dqo_verl_samples = Samples(inputs, outputs, scores)
        return original(trainer, inputs, outputs, scores)

    def update(
        original: Any, trainer: Any, sources: Any, uids: Any, reported: Any, turns: Any, **more: Any
    ) -> dict[str, Any]:
        metrics: dict[str, Any] = original(trainer, sources, uids, reported, turns, **more)
        samples = trainer.__dict__.pop("_dqo_verl_samples", None)
        # the fully asynchronous trainer joins what two processes generated
        if samples is None or len(samples.outputs) != len(uids):
            return metrics
        return metrics | add(trainer, sources, uids, reported, samples, more.get("expected_acc_counts"))

    wrap(module, f"{trainer_name}._maybe_log_val_generations", remember)
    wrap(module, f"{trainer_name}._val_metrics_update", update)


# ---- the config: checked and completed in the driver, before Ray starts ---------------------------------------------


def hook_config(module: ModuleType, prepare: Callable[[Any], None]) -> None:
    """`validate_config` runs in the driver of every verl command: `prepare(config)` runs before it."""

    def validate_config(original: Any, config: Any, use_reference_policy: bool, use_critic: bool) -> Any:
        prepare(config)
        # A run with base=gae has enabled the critic in `prepare`.
        brings_critic = bool(config.critic.enable)
        return original(
            config=config, use_reference_policy=use_reference_policy, use_critic=use_critic or brings_critic
        )

    wrap(module, "validate_config", validate_config)


def hook_device(module: ModuleType, look_first: Callable[[Any], None]) -> None:
    """`auto_set_device` is the first function of every trainer's driver that reads the config, and the only one that all
    drivers call. It would turn trainer.device=cpu into cuda."""

    def auto_set_device(original: Any, config: Any) -> Any:
        if config:
            look_first(config)
        return original(config)

    wrap(module, "auto_set_device", auto_set_device)
