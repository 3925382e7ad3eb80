"""The feature service (Ray actor, MiniLM) against a plain `SentenceTransformer.encode`, on the same texts.

    python benchmarks/embedding_service.py [--texts 192] [--rounds 5]

The plain call runs in a Ray actor too, so priority, threads and their environment are equal; passing the texts to it takes
milliseconds. It runs with sentence-transformers' default batches of 32, and with the service's batches of 8 on a CPU. "one by one" is how
reward workers submit, here without pauses.
"""

import argparse
import os
import statistics
from functools import partial

import numpy as np
import ray
import torch
from common import alternate, ratio, report, sentences
from sentence_transformers import SentenceTransformer

from dqo_verl.core.defaults import MINILM
from dqo_verl.core.keys import ResponseKey
from dqo_verl.core.settings import parse
from dqo_verl.models.embedder import CPU_BATCH
from dqo_verl.models.hub import locate
from dqo_verl.streaming.service import FeatureService, Submitter

SEED = 0


@ray.remote(num_cpus=1)
class Plain:
    def __init__(self, threads: int):
        torch.set_num_threads(threads)
        self.model = SentenceTransformer(locate(MINILM), device="cpu")

    def encode(self, texts: list[str], batch_size: int) -> np.ndarray:
        return self.model.encode(texts, batch_size=batch_size, normalize_embeddings=True, show_progress_bar=False)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--texts", type=int, default=192)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    # The service uses the same number of threads.
    threads = min(8, os.cpu_count() or 1)
    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    model = Plain.remote(threads)
    source = parse({"method": "dqo"}).source
    service = FeatureService(source)
    submitter = Submitter(source)
    natural = sentences(options.texts, SEED)
    mixes = {"all distinct": natural, "half duplicates": [*natural[::2], *natural[::2]]}
    rows = []
    words = [len(text.split()) for text in natural]
    for mix, texts in mixes.items():
        keys = [ResponseKey(f"u{i // 4}", i % 4) for i in range(len(texts))]

        def plain(texts: list[str] = texts, batch_size: int = 32) -> np.ndarray:
            return ray.get(model.encode.remote(texts, batch_size))

        def on_demand(texts: list[str] = texts, keys: list[ResponseKey] = keys) -> np.ndarray:
            text_of = dict(zip(keys, texts, strict=True))
            return service.collect(keys, lambda missing: [text_of[key] for key in missing]).values

        def streamed(texts: list[str] = texts, keys: list[ResponseKey] = keys) -> np.ndarray:
            for key, text in zip(keys, texts, strict=True):
                submitter.submit(key, text)
            text_of = dict(zip(keys, texts, strict=True))
            return service.collect(keys, lambda missing: [text_of[key] for key in missing]).values

        difference = max(np.abs(side() - plain()).max() for side in (on_demand, streamed))
        small = partial(plain, batch_size=CPU_BATCH)
        sides = {"plain": plain, "plain, small": small, "on demand": on_demand, "one by one": streamed}
        seconds = alternate(sides, options.rounds)
        for side in ("on demand", "one by one"):
            rows.append(
                {
                    "texts": mix,
                    "service": side,
                    "plain texts/s": len(texts) / statistics.median(seconds["plain"]),
                    "service texts/s": len(texts) / statistics.median(seconds[side]),
                    "ratio": ratio(seconds["plain"], seconds[side]),
                    "lowest ratio": min(p / s for p, s in zip(seconds["plain"], seconds[side], strict=True)),
                    "highest ratio": max(p / s for p, s in zip(seconds["plain"], seconds[side], strict=True)),
                    "ratio to batches of 8": ratio(seconds["plain, small"], seconds[side]),
                    "largest difference": f"{difference:.0e}",
                }
            )
    report(
        rows,
        seed=SEED,
        model=MINILM,
        texts=options.texts,
        words_per_text={
            "median": statistics.median(words),
            "90%": float(np.percentile(words, 90)),
            "longest": max(words),
        },
        rounds=options.rounds,
        threads=threads,
    )


if __name__ == "__main__":
    main()
