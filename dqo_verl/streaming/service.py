"""The feature service: named Ray actors that hold the model, and the two sides that talk to them."""

import os
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import ray

from dqo_verl.core.settings import PREFIX, Settings
from dqo_verl.models.embedder import Embedder
from dqo_verl.models.pair_classifier import PairClassifier
from dqo_verl.models.servers import Endpoint
from dqo_verl.streaming import placement
from dqo_verl.streaming.classes import PartitionStream, uid_of
from dqo_verl.streaming.stream import Collected, EmbeddingStream, Stream, identity

NAME = "dqo_verl_features_{}"  # verl's actors share one Ray namespace per run
MAX_THREADS = 8  # a burst of embedding may use more cores than the one that Ray reserves
RESTARTS = 3

PLACEMENTS = f"""The feature model could not be placed. Ways to place it:
  +{PREFIX}.placement=cpu      on CPU cores (default; good for MiniLM-sized models)
  +{PREFIX}.placement=gpu      on a GPU of its own: leave one free, e.g. trainer.n_gpus_per_node=7 on a node of 8
  +{PREFIX}.placement=shared   beside the trainer on its GPU: leave room, actor_rollout_ref.rollout.gpu_memory_utilization=0.4
  +{PREFIX}.placement=http     on servers of your own: +{PREFIX}.urls=[http://host:8000]"""


class FeatureWorker:
    """Runs in a Ray process of its own: loads the model once, works while verl generates."""

    def __init__(self, settings: Settings, device: str):
        import torch

        if device != "cpu" and not torch.cuda.is_available():
            raise RuntimeError(f"placement={settings.placement}, but this process sees no GPU. {PLACEMENTS}")
        torch.set_num_threads(min(MAX_THREADS, os.cpu_count() or 1))
        self.rests = settings.placement == "shared"
        http = settings.placement == "http"
        servers = Endpoint(settings.urls, settings.deadline, f"+{PREFIX}.deadline") if http else None
        if settings.reads == "embeddings":
            self.model: Embedder | PairClassifier = Embedder(settings.embedder, device, servers=servers)
            self.stream: Stream = EmbeddingStream(self.model)
        else:
            name, threshold, both_orders = str(settings.classifier), settings.threshold, settings.both_orders
            self.model = PairClassifier(name, device, threshold=threshold, both_orders=both_orders, servers=servers)
            print(f"[dqo_verl] {name}: two responses are the same above {self.model.threshold:g}", flush=True)
            self.stream = PartitionStream(self.model, settings.rule, settings.short_answer_words)

    async def ready(self) -> int:
        return os.getpid()

    async def submit(self, key: str, text: str) -> None:
        await self.stream.submit(key, text)

    async def submit_many(self, responses: Sequence[tuple[str, str]]) -> None:
        await self.stream.submit_many(responses)

    async def identities(self, keys: Sequence[str]) -> list[int | None]:
        return await self.stream.identities(keys)

    async def accept(self, accepting: bool) -> None:
        await self.stream.accept(accepting)

    async def collect(self, keys: Sequence[Any]) -> Collected | None:
        collected = await self.stream.collect(keys)
        if self.rests:
            await self.stream.after_the_batch(self.model.model.rest)
        return collected


def worker_of(uid: str, workers: int) -> int:
    """A prompt's responses all go to one worker, which one is the same in every process."""
    return zlib.crc32(uid.encode()) % workers


class Submitter:
    """The reward workers' side: hand over a finished response and go on."""

    def __init__(self, settings: Settings):
        self.workers = [ray.get_actor(NAME.format(i)) for i in range(settings.actors)]

    def submit(self, key: str, text: str) -> None:
        self.workers[worker_of(uid_of(key), len(self.workers))].submit.remote(key, text)


class FeatureService:
    """The trainer's side: starts the workers, waits until their model is loaded, collects by key.

    Ray restarts a worker that dies; what it had is submitted again, with the texts that `text_of` fetches.
    """

    def __init__(self, settings: Settings):
        self.deadline = settings.deadline
        self.workers = [self._start(settings, i) for i in range(settings.actors)]
        try:
            self.pids: list[int] = ray.get([w.ready.remote() for w in self.workers], timeout=settings.start_timeout)
        except ray.exceptions.GetTimeoutError as error:
            self.stop()
            raise RuntimeError(f"{PLACEMENTS}\n(not up within start_timeout={settings.start_timeout:.0f} s)") from error

    @staticmethod
    def _start(settings: Settings, i: int) -> Any:
        options, device = placement.options(settings.placement, i)
        spread = {"scheduling_strategy": "SPREAD"} if settings.actors > 1 else {}
        actor: Any = ray.remote(FeatureWorker)
        restarts = {"max_restarts": RESTARTS, "max_task_retries": RESTARTS}
        return actor.options(name=NAME.format(i), **restarts, **(spread | options)).remote(settings, device)

    def stop(self) -> None:
        for worker in self.workers:
            ray.kill(worker)

    def accept(self, accepting: bool) -> None:
        """Whether what is being generated now will be collected; validation will not."""
        self._ask([worker.accept.remote(accepting) for worker in self.workers])

    def ensure(self, keys: Sequence[str], text_of: Callable[[Sequence[str]], Sequence[str]]) -> tuple[list[int], int]:
        """Submit what no reward worker submitted. Returns an identity per response, and how many had been streamed."""
        shares = self._shares(keys)
        known: dict[str, int | None] = {}
        answers = self._ask([self.workers[i].identities.remote(share) for i, share in shares.items()])
        for share, identities in zip(shares.values(), answers, strict=True):
            known.update(zip(share, identities, strict=True))
        missing = [key for key in keys if known[key] is None]
        if missing:
            texts = dict(zip(missing, text_of(missing), strict=True))
            known.update({key: identity(text) for key, text in texts.items()})
            self._ask(
                self.workers[i].submit_many.remote([(key, texts[key]) for key in share])
                for i, share in self._shares(missing).items()
            )
        return [known[key] or 0 for key in keys], len(keys) - len(missing)

    def embeddings(self, keys: Sequence[str], text_of: Callable[[Sequence[str]], Sequence[str]]) -> Collected:
        """Embeddings `(n, d)` in the order of `keys`."""
        shares = self._shares(keys)
        parts = self._collect(shares, keys, text_of)
        row_of = {key: part.values[j] for i, part in parts.items() for j, key in enumerate(shares[i])}
        return _merged(np.stack([row_of[key] for key in keys]), parts)

    def labels(self, groups: Sequence[Sequence[str]], text_of: Callable[[Sequence[str]], Sequence[str]]) -> Collected:
        """Class labels of each group, in the order of its keys."""
        shares: dict[int, list[Sequence[str]]] = {}
        for group in groups:
            shares.setdefault(worker_of(uid_of(group[0]), len(self.workers)), []).append(group)
        parts = self._collect(shares, [key for group in groups for key in group], text_of)
        labels_of = {tuple(group): part.values[j] for i, part in parts.items() for j, group in enumerate(shares[i])}
        return _merged([labels_of[tuple(group)] for group in groups], parts)

    def _collect(
        self, shares: dict[int, Any], keys: Sequence[str], text_of: Callable[[Sequence[str]], Sequence[str]]
    ) -> dict[int, Collected]:
        for _ in range(RESTARTS + 1):
            parts = self._ask([self.workers[i].collect.remote(share) for i, share in shares.items()])
            found = {i: part for i, part in zip(shares, parts, strict=True) if part is not None}
            if len(found) == len(shares):
                return found
            self.ensure(keys, text_of)  # a worker was restarted in between, and the others handed theirs out
        raise RuntimeError(
            f"the feature workers lost their responses {RESTARTS + 1} times in a row; see their log above"
        )

    def _shares(self, keys: Sequence[str]) -> dict[int, list[str]]:
        shares: dict[int, list[str]] = {}
        for key in keys:
            shares.setdefault(worker_of(uid_of(key), len(self.workers)), []).append(key)
        return shares

    def _ask(self, references: Any) -> list[Any]:
        try:
            return list(ray.get(list(references), timeout=2 * self.deadline))
        except ray.exceptions.GetTimeoutError as error:
            raise RuntimeError(
                f"the feature workers gave no answer within {2 * self.deadline:g} s (twice +{PREFIX}.deadline). "
                "Raise it, or use a smaller model, more workers (actors) or a GPU (placement)."
            ) from error


def _merged(values: Any, parts: dict[int, Collected]) -> Collected:
    return Collected(
        values, sum(part.truncated for part in parts.values()), sum(part.work_seconds for part in parts.values())
    )
