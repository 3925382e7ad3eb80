"""`vllm serve ...`, also for vLLM's CPU build, whose distribution has another name than the one that vLLM asks for."""

import sys

from dqo_verl.integrations.cpu import vllm_build

vllm_build.call_it_vllm()

from vllm.entrypoints.cli.main import main  # noqa: E402

if __name__ == "__main__":  # vLLM starts processes that import this file again
    sys.argv[0] = "vllm"
    main()
