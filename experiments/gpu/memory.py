"""Can vLLM, our embedder and the trainer use the memory of one GPU in turn? vLLM sleeps and wakes beside the embedder; no Ray.

    python -m experiments.gpu.memory POLICY

It prints the memory in use after each step. While vLLM and the embedder sleep, they may use a seventh of the card, and four fifths
of it must be free for the trainer.
"""

import os
import sys

os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")

import torch
from vllm import LLM, SamplingParams

from dqo_verl.core.defaults import MINILM
from dqo_verl.models.embedder import Embedder

SHARE = 0.4


def main(policy: str) -> None:
    def note(when: str) -> None:
        free, total = torch.cuda.mem_get_info()
        print(
            f"{when:28} {(total - free) / 1e9:7.2f} GB in use, {torch.cuda.memory_allocated() / 1e9:7.2f} by torch",
            flush=True,
        )

    note("start")
    engine = LLM(policy, gpu_memory_utilization=SHARE, enable_sleep_mode=True, enforce_eager=True, max_model_len=1024)
    note("vLLM is up")
    embed = Embedder(MINILM, "cuda")
    note("the embedder is up")
    sampling = SamplingParams(temperature=1.0, max_tokens=64, n=8)
    for turn in range(2):
        outputs = engine.generate(["Tom has 3 apples and buys 4 more."] * 8, sampling, use_tqdm=False)
        texts = [choice.text for output in outputs for choice in output.outputs]
        vectors, _ = embed(texts)
        note(f"turn {turn}: embedded")
        embed.rest()
        engine.sleep(level=1)
        note(f"turn {turn}: both sleep")
        free, total = torch.cuda.mem_get_info()
        assert total - free < total / 7, "vLLM and the embedder keep memory while they sleep"
        block = torch.empty(total * 4 // 5, dtype=torch.uint8, device="cuda")
        note(f"turn {turn}: trainer has 4/5")
        del block
        torch.cuda.empty_cache()
        engine.wake_up()
        note(f"turn {turn}: vLLM is awake")
        assert len(set(texts)) > 1, "all of vLLM's responses are the same"
        assert abs(float((vectors**2).sum(axis=1).mean()) - 1) < 1e-3


if __name__ == "__main__":
    main(sys.argv[1])
