"""Classifies groups through one vLLM /classify server: our stream against the access pattern of DARLING's code.

    python benchmarks/partition_client.py [--rounds 3]

The reference (written from a description of DARLING's code) sends all pairs of all groups at once, one request per pair, as
text. The server is real and gets every request. Its model is a tiny random ModernBERT, so the decisions come from the class
number at the beginning of each text. "wait" is the time that remains after the last response when responses arrive one after
another, over twice the time of our blocking call.
"""

import argparse
import asyncio
import itertools
import statistics
import tempfile
import time
from pathlib import Path

import aiohttp
from classify_server import MODEL, PORT, SEED, build_model, serve
from common import alternate, ratio, report, sentences
from tqdm import tqdm

from dqo_verl.core.keys import ResponseKey
from dqo_verl.core.pairs import Components, Pair, ordered
from dqo_verl.models.pair_classifier import PairClassifier
from dqo_verl.models.servers import Endpoint
from dqo_verl.streaming.classes import PartitionStream

GROUPS = 4
DEADLINE = 300.0


def truth(a: str, b: str) -> bool:
    return a.split()[0] == b.split()[0]


def partition(texts: list[str], same: dict[Pair, bool]) -> list[int]:
    components = Components(texts, same)
    roots = [components.root(text) for text in texts]
    names = list(dict.fromkeys(roots))
    return [names.index(root) for root in roots]


async def reference(model: str, groups: list[list[str]]) -> tuple[list[list[int]], int]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def ask(a: str, b: str) -> tuple[Pair, bool]:
            payload = {"model": model, "input": f"[CLS]{a}[SEP]{b}[SEP]"}
            async with session.post(f"http://127.0.0.1:{PORT}/classify", json=payload) as answer:
                answer.raise_for_status()
                assert len((await answer.json())["data"][0]["probs"]) == 2
            return ordered(a, b), truth(a, b)

        pairs = [[ask(a, b) for a, b in itertools.combinations(group, 2)] for group in groups]
        decided = await asyncio.gather(*(asyncio.gather(*group) for group in pairs))
    return [partition(group, dict(same)) for group, same in zip(groups, decided, strict=True)], sum(map(len, decided))


class Ours:
    """Our stream: it sends the requests to the server and takes the decisions from `truth`."""

    def __init__(self, model: str):
        self.endpoint = Endpoint([f"http://127.0.0.1:{PORT}"], DEADLINE)
        self.classifier = PairClassifier(model, servers=self.endpoint)
        self.pairs = 0

    def decide(self, pairs: list[Pair]) -> tuple[list[bool], set[str]]:
        _, cut = self.classifier.probabilities(pairs)
        self.pairs += len(pairs)
        return [truth(a, b) for a, b in pairs], cut

    async def run(self, groups: list[list[str]], pause: float = 0.0) -> tuple[list[list[int]], float]:
        """Labels, and seconds from the arrival of the last response."""
        stream = PartitionStream(self.decide)
        keys = [[ResponseKey(f"g{g}", i) for i in range(len(group))] for g, group in enumerate(groups)]
        # One response of each group arrives at a time.
        arrivals = [[(keys[g][i], group[i]) for g, group in enumerate(groups)] for i in range(len(groups[0]))]
        if not pause:
            arrivals = [[response for arrival in arrivals for response in arrival]]
        for number, arrival in enumerate(arrivals):
            await asyncio.sleep(pause if number else 0)
            started = time.perf_counter()
            await stream.submit_many(arrival)
        collected = await stream.collect([key for own in keys for key in own])
        seconds = time.perf_counter() - started
        label = iter(collected.values.tolist())
        return [[next(label) for _ in group] for group in groups], seconds


def measure(model: str, n: int, classes: int, rounds: int) -> dict[str, object]:
    texts = sentences(GROUPS * n, SEED)
    groups = [[f"{i % classes} {texts[g * n + i]}" for i in range(n)] for g in range(GROUPS)]
    ours = Ours(model)
    (expected, reference_requests), (labels, blocking) = (
        asyncio.run(reference(model, groups)),
        asyncio.run(ours.run(groups)),
    )
    requests_sent = ours.endpoint.requests_sent
    pairs = ours.pairs
    pause = 2 * blocking / (n - 1)
    streamed_labels, _ = asyncio.run(ours.run(groups, pause))
    seconds = alternate(
        {
            "reference": lambda: asyncio.run(reference(model, groups)),
            "ours": lambda: asyncio.run(ours.run(groups))[1],
            "streamed": lambda: asyncio.run(ours.run(groups, pause))[1],
        },
        rounds,
    )
    return {
        "n": n,
        "classes": classes,
        "requests: reference": reference_requests,
        "ours": requests_sent,
        "fewer": reference_requests / requests_sent,
        "pairs, ours": pairs,
        "seconds: reference": statistics.median(seconds["reference"]),
        "ours, blocking": statistics.median(seconds["ours"]),
        "faster": ratio(seconds["reference"], seconds["ours"]),
        "wait": statistics.median(seconds["streamed"]),
        "wait / blocking": ratio(seconds["streamed"], seconds["ours"]),
        "same partition": labels == expected == streamed_labels,
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        build_model(Path(directory))
        server = serve(Path(directory))
        try:
            asyncio.run(reference(directory, [["0 warm", "0 up"]]))
            cases = [(n, classes) for n in (4, 8, 16, 32) for classes in (1, 3, n)]
            rows = [
                measure(directory, n, classes, options.rounds) for n, classes in tqdm(cases, leave=False, disable=None)
            ]
        finally:
            server.terminate()
            server.wait()
    report(rows, seed=SEED, groups=GROUPS, rounds=options.rounds, model=f"ModernBERT, random, {MODEL}", servers=1)


if __name__ == "__main__":
    main()
