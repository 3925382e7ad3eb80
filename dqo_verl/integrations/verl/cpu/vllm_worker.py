"""verl's vLLM worker extension on CPUs; vLLM loads it by name, see `platform.REQUIRED`."""

import os
import traceback
from typing import Any

from verl.workers.rollout.vllm_rollout.utils import vLLMColocateWorkerExtension

from dqo_verl.integrations.cpu import vllm_build
from dqo_verl.integrations.verl.cpu import patches


class CpuWorkerExtension(vLLMColocateWorkerExtension):
    def __new__(cls, **kwargs: Any) -> "CpuWorkerExtension":
        vllm_build.keep_weights_loadable()
        return super().__new__(cls, **kwargs)

    def _get_zmq_handle(self) -> str:
        return patches.own_socket(super()._get_zmq_handle())

    def update_weights_from_ipc(self, *args: Any, **kwargs: Any) -> None:
        """Print a failure and end the process, so that the run ends too: otherwise the sender would wait forever."""
        try:
            super().update_weights_from_ipc(*args, **kwargs)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
