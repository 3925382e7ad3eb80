"""verl's vLLM worker extension on CPUs; vLLM loads it by name, see `cpu.REQUIRED`."""

import os
import traceback
from typing import Any

from verl.workers.rollout.vllm_rollout.utils import vLLMColocateWorkerExtension

from dqo_verl.adapter import internals


class CpuWorkerExtension(vLLMColocateWorkerExtension):
    def __new__(cls, **kwargs: Any) -> "CpuWorkerExtension":
        internals.keep_vllm_weights_loadable()
        return super().__new__(cls, **kwargs)

    def _get_zmq_handle(self) -> str:
        return internals.own_socket(super()._get_zmq_handle())

    def update_weights_from_ipc(self, *args: Any, **kwargs: Any) -> None:
        """A failure here leaves the sender waiting for ever: print it and end the process, so that the run ends too."""
        try:
            super().update_weights_from_ipc(*args, **kwargs)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
