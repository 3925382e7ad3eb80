"""OpenRLHF's extension of vLLM's worker on CPUs; vLLM loads it by name, see `patches.WORKER`."""

from typing import Any

import torch
from openrlhf.trainer.ray.vllm_worker_wrap import WorkerWrap
from openrlhf.utils import distributed_util

from dqo_verl.integrations.cpu import vllm_build
from dqo_verl.integrations.openrlhf.cpu.patches import GlooGroup


class CpuWorker(WorkerWrap):
    def __new__(cls, **kwargs: Any) -> "CpuWorker":
        vllm_build.keep_weights_loadable()
        distributed_util.stateless_init_process_group = GlooGroup
        made: CpuWorker = super().__new__(cls)
        return made

    def update_weight(self, name: str, dtype: torch.dtype, shape: Any, empty_cache: bool = False) -> None:
        if dtype != self.model_config.dtype:
            raise TypeError(f"The trainer sends {name} as {dtype}, but vLLM runs in {self.model_config.dtype}")
        weight = torch.empty(shape, dtype=dtype)
        self._model_update_group.broadcast(weight, src=0)
        self.model_runner.model.load_weights(weights=[(name, weight)])
