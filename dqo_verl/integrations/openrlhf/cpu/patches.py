"""Patches OpenRLHF and DeepSpeed for processes without a GPU, where no public setting exists. tests/contracts tests each patch.

OpenRLHF gets nearly every device from `torch.cuda.current_device()`, so that function is patched to return "cpu". This module
does not import the packages that it patches.
"""

import importlib.machinery
import sys
from datetime import timedelta
from types import ModuleType
from typing import Any

from wrapt import register_post_import_hook

from dqo_verl.integrations.wrapping import wrap

WORKER = "dqo_verl.integrations.openrlhf.cpu.vllm_worker.CpuWorker"
# imported by OpenRLHF for packing and ring attention, which stay off
FLASH_ATTENTION = {
    "flash_attn": (),
    "flash_attn.bert_padding": ("index_first_axis", "pad_input", "rearrange", "unpad_input"),
    "flash_attn.utils": (),
    "flash_attn.utils.distributed": ("all_gather",),
}
IN_CUDA = ("synchronize", "set_device", "empty_cache", "current_stream")


class CpuDevice(str):
    """Works both as `tensor.to(device)` ("cpu") and in f"cuda:{device}" ("cuda:0", a name that is never used)."""

    def __format__(self, spec: str) -> str:
        return "0"


def leave_hooks() -> None:
    _pretend_flash_attention()
    register_post_import_hook(_name_the_cpu, "torch")
    register_post_import_hook(_send_weights_through_gloo, "openrlhf.utils.distributed_util")
    register_post_import_hook(_make_meshes_of_cpus, "openrlhf.utils.deepspeed.deepspeed")
    register_post_import_hook(_use_adam_of_torch, "openrlhf.utils.deepspeed.deepspeed_utils")
    register_post_import_hook(_use_own_worker, "vllm.engine.arg_utils")


def _name_the_cpu(torch: Any) -> None:
    torch.cuda.current_device = lambda: CpuDevice("cpu")
    for name in IN_CUDA:
        setattr(torch.cuda, name, lambda *_, **__: None)
    torch.Tensor.pin_memory = lambda self, *_, **__: self


def _pretend_flash_attention() -> None:
    def missing(*_: Any, **__: Any) -> None:
        raise RuntimeError("packing and ring attention need flash-attn, which does not work without a GPU")

    for name, functions in FLASH_ATTENTION.items():
        module = ModuleType(name)
        module.__spec__ = importlib.machinery.ModuleSpec(name, loader=None, is_package=True)
        module.__path__ = []
        for function in functions:
            setattr(module, function, missing)
        sys.modules.setdefault(name, module)


class GlooGroup:
    """A group of processes that share no default group. Has the methods of vLLM's PyNcclCommunicator that OpenRLHF calls."""

    def __init__(self, host: str, port: int, rank: int, world_size: int, device: Any = None):
        from torch import distributed

        self.distributed: Any = distributed
        limit = timedelta(minutes=30)
        store = distributed.TCPStore(host, port, world_size, is_master=rank == 0, timeout=limit)
        self.group: Any = distributed.ProcessGroupGloo(store, rank, world_size, limit)

    def broadcast(self, tensor: Any, src: int, stream: Any = None) -> None:
        options = self.distributed.BroadcastOptions()
        options.rootRank, options.rootTensor = src, 0
        self.group.broadcast([tensor], options).wait()


def _send_weights_through_gloo(module: ModuleType) -> None:
    module.stateless_init_process_group = GlooGroup


def _make_meshes_of_cpus(module: ModuleType) -> None:
    def init_device_mesh(original: Any, device: str, *args: Any, **kwargs: Any) -> Any:
        return original("cpu", *args, **kwargs)

    wrap(module, "init_device_mesh", init_device_mesh)


def _use_adam_of_torch(module: ModuleType) -> None:
    """Use torch's Adam: DeepSpeed would compile its own on first use."""

    def get_train_ds_config(original: Any, *args: Any, **kwargs: Any) -> Any:
        made = original(*args, **kwargs)
        if "optimizer" in made:
            made["optimizer"]["params"]["torch_adam"] = True
        return made

    wrap(module, "get_train_ds_config", get_train_ds_config)


def _use_own_worker(module: ModuleType) -> None:
    """Replace OpenRLHF's extension of vLLM's worker with ours, and drop the share of a GPU's memory."""

    def init(original: Any, arguments: Any, *args: Any, **kwargs: Any) -> None:
        kwargs["worker_extension_cls"] = WORKER
        kwargs.pop("gpu_memory_utilization", None)
        original(arguments, *args, **kwargs)

    wrap(module, "AsyncEngineArgs.__init__", init)
