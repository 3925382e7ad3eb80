"""Patches verl and torch for processes without a GPU, where no public setting exists. tests/contracts tests each patch."""

import os
from datetime import timedelta
from types import ModuleType
from typing import Any

import torch
from wrapt import register_post_import_hook, wrap_function_wrapper

from dqo_verl.integrations.cpu import vllm_build

# The environment variable that marks the processes of a CPU run; its value differs between runs.
RUN = "DQO_VERL_RUN"
# How often the trainer polls for finished responses; verl's 2 s would be half of a tiny step.
SECONDS_BETWEEN_LOOKS = 0.1


def patch_for_cpu() -> None:
    """Apply all patches. Only `dqo_verl.integrations.verl.cpu.platform.activate` calls this."""
    vllm_build.call_it_vllm()
    register_post_import_hook(_use_gloo_alone, "verl.utils.distributed")
    register_post_import_hook(_let_fsdp1_broadcast_cpu_modules, "torch.distributed.fsdp._init_utils")
    register_post_import_hook(_send_weights_through_own_socket, "verl.workers.rollout.vllm_rollout.vllm_rollout")
    register_post_import_hook(_look_for_responses_more_often, "verl.trainer.ppo.v1.replay_buffer")
    # FSDP2's offload policy for the reference model pins memory, and torch needs an accelerator for that
    torch.Tensor.pin_memory = lambda self, *_, **__: self


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


def _let_fsdp1_broadcast_cpu_modules(module: ModuleType) -> None:
    """FSDP1 refuses sync_module_states for CPU modules, although gloo broadcasts them."""
    module._check_module_states_for_sync_module_states = lambda *_, **__: None


def _look_for_responses_more_often(module: ModuleType) -> None:
    def init(wrapped: Any, buffer: Any, args: Any, kwargs: Any) -> None:
        wrapped(*args, **kwargs)
        buffer.poll_interval = SECONDS_BETWEEN_LOOKS

    wrap_function_wrapper(module, "ReplayBuffer.__init__", init)


def own_socket(address: str) -> str:
    """Add this run's id (RUN, the same in all its workers) to the address of verl's socket for weights.

    verl names the socket after the Ray job's id, which is the same for the first job of every local Ray: two runs on one
    machine would share a socket and wait forever.
    """
    return address.replace("rl-colocate-zmq-", f"rl-colocate-zmq-{os.environ[RUN]}-")


def _send_weights_through_own_socket(module: ModuleType) -> None:
    def init(wrapped: Any, adapter: Any, args: Any, kwargs: Any) -> None:
        wrapped(*args, **kwargs)
        adapter.zmq_handle = own_socket(adapter.zmq_handle)

    wrap_function_wrapper(module, "ServerAdapter.__init__", init)
