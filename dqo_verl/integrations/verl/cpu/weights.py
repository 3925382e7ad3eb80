"""Sends weights from the trainer to a standalone rollout through a file: verl's own backends (nccl, nixl) need a GPU.

verl imports this module because of `checkpoint_engine.custom_backend_module`. Like every CPU run, it needs a single machine.
"""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from verl.checkpoint_engine import CheckpointEngine, CheckpointEngineRegistry
from verl.workers.rollout.utils import ensure_async_iterator

BACKEND = "dqo_verl_cpu"
SECONDS_BETWEEN_LOOKS = 0.05


@CheckpointEngineRegistry.register(BACKEND)
class FileCheckpointEngine(CheckpointEngine):
    """Per update: `prepare` on all ranks, `build_topology`, `init_process_group` on all, send, receive, `finalize` on all."""

    def __init__(self, bucket_size: int, is_master: bool = False):
        self.is_master = is_master
        self.file = Path()

    def prepare(self) -> dict[str, Any]:
        if not self.is_master:
            return {}
        folder = tempfile.mkdtemp(prefix="dqo_verl_weights_")
        return {"file": str(Path(folder, "weights.safetensors"))}

    @classmethod
    def build_topology(
        cls, actor_wg_world_size: int, rollout_world_size: int, metadata: list[dict[str, Any]]
    ) -> tuple[dict[str, list[Any]], dict[str, list[Any]]]:
        (file,) = (one["file"] for one in metadata if one)
        return {"file": [file] * actor_wg_world_size}, {"file": [file] * rollout_world_size}

    def init_process_group(self, file: str) -> None:
        self.file = Path(file)

    async def send_weights(self, weights: Any, global_steps: int | None = None) -> None:
        """All ranks gather each weight together; the first one writes."""
        found = {name: weight.contiguous().clone() async for name, weight in ensure_async_iterator(weights)}
        if self.is_master:
            part = self.file.with_suffix(".part")
            await asyncio.to_thread(save_file, found, part)
            os.replace(part, self.file)

    async def receive_weights(self, global_steps: int | None = None) -> AsyncIterator[tuple[str, torch.Tensor]]:
        while not self.file.is_file():
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
        for name, weight in load_file(self.file).items():
            yield name, weight

    def finalize(self) -> None:
        if self.is_master:
            self.file.unlink()
            self.file.parent.rmdir()
