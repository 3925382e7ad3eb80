"""The cost of diversity on this card against the card's limits: embeddings against arithmetic, determinants against bandwidth.

    python -m experiments.gpu.limits [TEXTS]

It measures the limits too: the rate of a large matrix product in the same number format, and of a copy. All times are medians
over fresh inputs. Prints a line per measurement, and all measurements as JSON on the last line.
"""

import json
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

import dqo_verl
from dqo_verl.core.defaults import MINILM
from dqo_verl.models.hub import locate

# MiniLM: layers, width, inner width of a layer, maximum tokens
LAYERS, HIDDEN, INNER, TOKENS = 6, 384, 1536, 256
SIZES = ((8, 512), (8, 4096), (16, 4096))
Row = dict[str, Any]


def timed(function: Callable[[Any], object], inputs: Iterable[Any], device: str) -> float:
    """Median seconds per input; the first input is a warm-up."""
    times = []
    for value in inputs:
        if device == "cuda":
            torch.cuda.synchronize()
        began = time.perf_counter()
        function(value)
        if device == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - began)
    return statistics.median(times[1:])


def of_the_card() -> tuple[float, dict[str, float]]:
    """Bytes per second of a copy (read plus written), and operations per second of matrix products."""
    a = torch.randn(2**28, device="cuda")
    b = torch.empty_like(a)
    bandwidth = 2 * a.numel() * 4 / timed(lambda _: b.copy_(a), range(12), "cuda")
    rates = {}
    for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        x, y = (torch.randn(8192, 8192, device="cuda", dtype=dtype) for _ in range(2))
        rates[name] = 2 * 8192**3 / timed(lambda pair: pair[0] @ pair[1], [(x, y)] * 8, "cuda")
    return bandwidth, rates


def texts(count: int, seed: int) -> list[str]:
    """Distinct texts, longer than the embedder's maximum."""
    rng = random.Random(seed)
    return [" ".join("".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=5)) for _ in range(300)) for _ in range(count)]


def embedding(count: int, rates: dict[str, float], device: str) -> list[Row]:
    from sentence_transformers import SentenceTransformer

    per_token = LAYERS * (2 * (4 * HIDDEN**2 + 2 * HIDDEN * INNER) + 4 * TOKENS * HIDDEN)
    torch.set_num_threads(min(8, os.cpu_count() or 1))
    model = SentenceTransformer(locate(MINILM), device=device)
    rows = []
    for name, dtype, batch in (
        [("fp32", torch.float32, 8)]
        if device == "cpu"
        else [
            ("fp32", torch.float32, 64),
            ("fp32", torch.float32, 256),
            ("bf16", torch.bfloat16, 256),
        ]
    ):
        model.to(dtype)

        def encode(some: list[str], batch: int = batch) -> None:
            model.encode(some, batch_size=batch, show_progress_bar=False)

        seconds = timed(encode, [texts(count, seed) for seed in range(3)], device)
        row: Row = {"what": f"embed {count} texts", "device": device, "format": name, "batch": batch}
        row |= {"ms": 1000 * seconds, "texts/s": count / seconds}
        if device == "cuda":
            needed = 1000 * count * TOKENS * per_token / rates[name]
            row |= {"arithmetic ms": needed, "reached %": 100 * needed / row["ms"]}
        rows.append(row)
    return rows


def leave_one_out(bandwidth: float, device: str) -> list[Row]:
    torch.set_num_threads(1)
    rows = []
    for k, count in SIZES:

        def kernels(seed: int, k: int = k, count: int = count) -> Tensor:
            generator = torch.Generator().manual_seed(seed)
            rows = torch.nn.functional.normalize(torch.randn(count // k, k, HIDDEN, generator=generator), dim=-1)
            return dqo_verl.linear_kernel(rows.to(device).double())

        seconds = timed(dqo_verl.loo_logdet, [kernels(seed) for seed in range(6)], device)
        exact = dqo_verl.loo_logdet(kernels(7).cpu())
        error = (dqo_verl.loo_logdet(kernels(7)).cpu() - exact).norm() / exact.norm()
        row: Row = {"what": f"determinants of {count} responses, k = {k}", "device": device, "ms": 1000 * seconds}
        row |= {"difference to the CPU": float(error)}
        if device == "cuda":
            row |= {"bytes ms": 1000 * 8 * count * (k + 1) / bandwidth}
        rows.append(row)
    return rows


def main(count: int) -> None:
    has_gpu = torch.cuda.is_available()
    bandwidth, rates = of_the_card() if has_gpu else (0.0, {})
    rows = []
    for device in ["cpu", *(["cuda"] if has_gpu else [])]:
        rows += leave_one_out(bandwidth, device) + embedding(
            count if device == "cuda" else min(count, 64), rates, device
        )
    for row in rows:
        print("  ".join(f"{key} {value:.4g}" if isinstance(value, float) else f"{value}" for key, value in row.items()))
    print(json.dumps({"bandwidth": bandwidth, "rates": rates, "rows": rows}))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 512)
