"""1x to 32x responses per step (from 32, k = 8): how the load of driver and service grows.

    python benchmarks/growth.py [--rounds 3]

The driver is this process, in the role of verl's trainer. Its bytes are the pickled arguments and results of its calls; its
time is CPU time (it sleeps while it waits). Another process submits the responses first, as reward workers do. "service s" is
the model's time, summed over its actors; "responses/s" counts from the first submission to the last score.
"""

import argparse
import math
import pickle
import statistics
import tempfile
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import ray
import torch
from common import RESULTS, report, sentences
from step_overhead import build_classifier
from tqdm import tqdm

import dqo_verl
from dqo_verl.core.keys import ResponseKey
from dqo_verl.core.settings import parse
from dqo_verl.core.sources import Model
from dqo_verl.streaming.service import FeatureService, Submitter

SEED, K, FROM = 0, 8, 32
MULTIPLES = (1, 2, 4, 8, 16, 32)


class Counting(FeatureService):
    """Counts the bytes that the driver sends and receives."""

    sent = received = 0

    def missing(self, keys: Sequence[ResponseKey]) -> list[ResponseKey]:
        shares = FeatureService._shares(self, keys)
        references = [self.workers[i].missing.remote(share) for i, share in shares.items()]
        return [key for answer in ray.get(references) for key in answer]

    def _shares(self, keys: Collection[ResponseKey]) -> dict[int, list[ResponseKey]]:
        shares = super()._shares(keys)
        self.sent += len(pickle.dumps(shares))
        return shares

    def _ask(self, references: Any) -> list[Any]:
        answers = super()._ask(references)
        self.received += len(pickle.dumps(answers))
        return answers


def texts_are_fetched(keys: Sequence[ResponseKey]) -> list[str]:
    raise AssertionError("every response was streamed")


def bonus(service: Counting, keys: list[ResponseKey]) -> float:
    """DQO: embeddings, then determinants. Returns the model's seconds."""
    collected = service.collect(keys, texts_are_fetched)
    dqo_verl.leave_one_out_logdet(torch.from_numpy(collected.values), [key.group for key in keys])
    return collected.work_seconds


def classes(service: Counting, keys: list[ResponseKey]) -> float:
    """DARLING: class labels."""
    collected = service.collect(keys, texts_are_fetched)
    labels = torch.from_numpy(collected.values).view(-1, K)
    dqo_verl.distinct_fraction(labels[:, :, None] == labels[:, None, :])
    return collected.work_seconds


@ray.remote
def submit(source: Model, keys: list[ResponseKey], texts: list[str]) -> None:
    """A reward worker."""
    submitter = Submitter(source)
    for key, text in zip(keys, texts, strict=True):
        submitter.submit(key, text)


def step(service: Counting, texts: list[str], measure: Callable[..., float]) -> dict[str, float]:
    keys = [ResponseKey(f"u{i // K}", i % K) for i in range(len(texts))]
    service.sent = service.received = 0
    wall = time.perf_counter()
    ray.get(submit.remote(service.source, keys, texts))
    # Wait until all responses have arrived.
    while service.missing(keys):
        time.sleep(0.01)
    cpu = time.process_time()
    work = measure(service, keys)
    return {
        "driver bytes": service.sent + service.received,
        "driver CPU ms": 1000 * (time.process_time() - cpu),
        "service s": work,
        "responses/s": len(texts) / (time.perf_counter() - wall),
    }


def grow(typed: dict[str, Any], measure: Callable[..., float], rounds: int, median_words: int) -> list[dict[str, Any]]:
    settings = parse(typed)
    service = Counting(settings.source)
    rows = []
    # The first step loads the models and is not timed.
    step(service, sentences(FROM, SEED, median_words), measure)
    for multiple in tqdm(MULTIPLES, desc=settings.method, leave=False, disable=None):
        texts = sentences(FROM * multiple, SEED, median_words)
        found = [step(service, texts, measure) for _ in range(rounds)]
        medians = {column: statistics.median(row[column] for row in found) for column in found[0]}
        size = sum(len(text.encode()) for text in texts)
        rows.append(
            {"method": settings.method, "actors": settings.source.actors, "responses": len(texts), "text bytes": size}
        )
        rows[-1] |= medians
    service.stop()
    # Ray needs a moment to free the actors' names.
    time.sleep(3)
    return rows


def plot(rows: list[dict[str, Any]]) -> str:
    """Seconds over responses, both logarithmic, as an SVG that follows the reader's light or dark scheme."""
    width, height, left, floor, decades = 640, 360, 70, 310, (-3, -2, -1, 0, 1, 2)

    def place(responses: float, seconds: float) -> str:
        x = left + 440 * math.log2(responses / FROM) / math.log2(MULTIPLES[-1])
        return f"{x:.1f},{floor - 54 * (math.log10(seconds) - decades[0]):.1f}"

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
        "<style>text{fill:#222}line{stroke:#bbb}path{fill:none;stroke-width:2}.a{stroke:#0969da}.b{stroke:#bc4c00}"
        ".driver{stroke-dasharray:5 4}"
        "@media(prefers-color-scheme:dark){text{fill:#ddd}line{stroke:#555}.a{stroke:#58a6ff}.b{stroke:#f0883e}}</style>",
        f'<text x="{left}" y="18">seconds per step over responses per step, both logarithmic</text>',
    ]
    for decade in decades:
        y = floor - 54 * (decade - decades[0])
        parts.append(
            f'<line x1="{left}" x2="{left + 440}" y1="{y}" y2="{y}"/><text x="20" y="{y + 4}">{10.0**decade:g} s</text>'
        )
    for multiple in MULTIPLES:
        x = place(FROM * multiple, 1).split(",")[0]
        parts.append(f'<text x="{x}" y="{floor + 20}" text-anchor="middle">{FROM * multiple}</text>')
    for column, unit, kind in (("service s", 1, "service"), ("driver CPU ms", 1000, "driver")):
        lines = {}
        for method, colour in (("dqo", "a"), ("darling", "b")):
            own = [row for row in rows if row["method"] == method and row["actors"] == 1]
            points = lines[method] = [place(row["responses"], row[column] / unit) for row in own]
            parts.append(f'<path class="{colour} {kind}" d="M{" L".join(points)}"/>')
        # Move labels down so that they don't overlap.
        label = -math.inf
        for method, points in sorted(lines.items(), key=lambda line: float(line[1][-1].split(",")[1])):
            label = max(float(points[-1].split(",")[1]) + 4, label + 14)
            parts.append(f'<text x="{left + 446}" y="{label:.1f}">{method} {kind}</text>')
    return "\n".join([*parts, "</svg>\n"])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    ray.init("local", num_cpus=4, include_dashboard=False, log_to_driver=False)
    with tempfile.TemporaryDirectory() as directory:
        classifier = str(build_classifier(Path(directory)))
        darling = {"method": "darling", "classifier": classifier}
        rows = grow({"method": "dqo"}, bonus, options.rounds, median_words=40)
        rows += grow(darling, classes, options.rounds, median_words=10)
        rows += grow({"method": "dqo", "actors": 2}, bonus, options.rounds, median_words=40)
    report(rows, seed=SEED, k=K, rounds=options.rounds, median_words={"dqo": 40, "darling": 10})
    (RESULTS / "growth.svg").write_text(plot(rows))


if __name__ == "__main__":
    main()
