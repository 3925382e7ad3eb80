"""The feature service: named Ray actors that have the model, and their two clients."""

import os
import time
import zlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import ray

from dqo_verl.core.keys import ResponseKey
from dqo_verl.core.placements import Gpu, Shared
from dqo_verl.core.sources import Model
from dqo_verl.streaming import placement
from dqo_verl.streaming.of_source import model_and_stream
from dqo_verl.streaming.stream import Collected, total

# with the job id, because two runs may share a Ray namespace
NAME = "dqo_verl_features_{job}_{i}"
# embedding may briefly use more cores than the one that Ray reserves
MAX_THREADS = 8
RESTARTS = 3
SECONDS_OF_SILENCE = 10.0
# pause before a retry with a worker whose node is lost: Ray needs time to notice it, and to restart the worker elsewhere
SECONDS_TO_RECOVER = 1.0

TextOf = Callable[[Sequence[ResponseKey]], Sequence[str]]
# an idempotent call to a worker, which returns Ray's reference to the answer
Call = Callable[[], Any]


class FeatureWorker:
    """The Ray actor: it loads the model once, and works while the trainer generates."""

    def __init__(self, source: Model, device: str):
        import torch

        if device != "cpu" and not torch.cuda.is_available():
            raise RuntimeError(
                f"placement={source.placement.name}, but the feature worker sees no GPU. {ways_to_place(source)}"
            )
        torch.set_num_threads(min(MAX_THREADS, os.cpu_count() or 1))
        self.rests = isinstance(source.placement, Shared)
        self.model, self.stream = model_and_stream(source, device)

    async def ready(self) -> int:
        return os.getpid()

    async def submit(self, key: ResponseKey, text: str) -> None:
        await self.stream.submit(key, text)

    async def submit_many(self, responses: Sequence[tuple[ResponseKey, str]]) -> None:
        await self.stream.submit_many(responses)

    async def missing(self, keys: Sequence[ResponseKey]) -> list[ResponseKey]:
        return await self.stream.missing(keys)

    async def accept(self, accepting: bool) -> None:
        await self.stream.accept(accepting)

    async def collect(self, keys: Sequence[ResponseKey], compared: Collection[ResponseKey]) -> Collected | None:
        collected = await self.stream.collect(keys, compared)
        if self.rests:
            await self.stream.after_the_batch(self.model.rest)
        return collected


def ways_to_place(source: Model) -> str:
    return f"""The feature model could not be placed. Ways to place it:
  {source.spell("placement", "cpu")}      on CPU cores (default; good for MiniLM-sized models)
  {source.spell("placement", "gpu")}      on its own GPU: {source.spelling.leave_a_gpu}
  {source.spell("placement", "shared")}   beside the trainer on its GPU: {source.spelling.leave_room}
  {source.spell("placement", "http")}     on your own servers: {source.spell("urls", "[http://host:8000]")}"""


def name_of(i: int) -> str:
    """The actor name of worker number `i`, the same in all processes of a run."""
    return NAME.format(job=ray.get_runtime_context().get_job_id(), i=i)


def worker_of(key: ResponseKey, workers: int) -> int:
    """The number of the worker that gets all responses to this prompt, the same in every process."""
    return zlib.crc32(key.group.encode()) % workers


class Submitter:
    """The client where responses are generated: it submits a finished response without waiting, and returns Ray's reference."""

    def __init__(self, source: Model):
        self.workers = [ray.get_actor(name_of(i)) for i in range(source.actors)]

    def submit(self, key: ResponseKey, text: str) -> Any:
        return self.workers[worker_of(key, len(self.workers))].submit.remote(key, text)


@dataclass(frozen=True)
class Answer(Collected):
    """The combined answers of all workers."""

    # responses that were submitted before `collect` asked for them
    streamed: int


class FeatureService:
    """The trainer's client: starts the workers, waits until they have loaded their model, collects features by key.

    Ray restarts a worker that dies, on another node if its node is lost. The service then submits the lost responses again,
    with the texts from `text_of`.
    """

    def __init__(self, source: Model):
        self.source = source
        self.workers = [self._start(source, i) for i in range(source.actors)]
        self.pids: list[int] = self._wait_until_ready()

    def _wait_until_ready(self) -> list[int]:
        """Wait for the workers; every ten seconds, print which resources they need and which are free: Ray waits silently."""
        source = self.source
        answers = [worker.ready.remote() for worker in self.workers]
        began, waiting = time.monotonic(), answers
        while waiting:
            left = began + source.start_timeout - time.monotonic()
            ready, waiting = ray.wait(
                waiting, num_returns=len(waiting), timeout=max(0.0, min(left, SECONDS_OF_SILENCE))
            )
            # raises the error of a worker that could not load its model
            ray.get(ready)
            if waiting and left <= 0:
                self.stop()
                late = f"not ready within {source.spell('start_timeout', f'{source.start_timeout:g}')} s"
                told = self._waited(len(waiting), source.start_timeout)
                raise RuntimeError(f"{ways_to_place(source)}\n({late}: {told})")
            if waiting:
                print(f"[dqo_verl] {self._waited(len(waiting), time.monotonic() - began)}", flush=True)
        return ray.get(answers)

    def _waited(self, waiting: int, seconds: float) -> str:
        asked, _ = placement.options(self.source.placement.name)
        have, free = ray.cluster_resources(), ray.available_resources()
        room = ", ".join(
            f"{asked[option]} of {have.get(name, 0):g} {name}s, {free.get(name, 0):g} free"
            for option, name in (("num_cpus", "CPU"), ("num_gpus", "GPU"))
            if asked.get(option)
        )
        return (
            f"waiting for {waiting} of {len(self.workers)} feature workers to load: {seconds:.0f} s. Each takes {room}"
        )

    @staticmethod
    def _start(source: Model, i: int) -> Any:
        options, device = placement.options(source.placement.name, i)
        # with GPUs of their own they stay together: verl's workers need whole nodes
        is_spread = source.actors > 1 and not isinstance(source.placement, Gpu)
        spread = {"scheduling_strategy": "SPREAD"} if is_spread else {}
        actor: Any = ray.remote(FeatureWorker)
        restarts = {"max_restarts": RESTARTS, "max_task_retries": RESTARTS}
        return actor.options(name=name_of(i), **restarts, **(spread | options)).remote(source, device)

    def stop(self) -> None:
        for worker in self.workers:
            ray.kill(worker)

    def accept(self, accepting: bool) -> None:
        """Tell the workers whether the responses that are generated now will be collected; those of validation will not."""
        self._ask([partial(worker.accept.remote, accepting) for worker in self.workers])

    def collect(
        self, keys: Sequence[ResponseKey], text_of: TextOf, compared: Collection[ResponseKey] | None = None
    ) -> Answer:
        """Features of these responses in the order of `keys`; responses that the workers lack are submitted first.

        Responses that are not `compared` do not count (default: all are).
        """
        open_ = self._shares(keys)
        among = self._shares(keys if compared is None else compared)
        answers: dict[int, Collected] = {}
        streamed = len(keys)
        for attempt in range(RESTARTS + 1):
            absent = self._submit_missing(open_, text_of)
            streamed -= absent if attempt == 0 else 0
            found = self._ask(
                [partial(self.workers[i].collect.remote, own, among.get(i, [])) for i, own in open_.items()]
            )
            answers |= {i: answer for i, answer in zip(open_, found, strict=True) if answer is not None}
            # a worker that was restarted in between has lost its responses
            open_ = {i: own for i, own in open_.items() if i not in answers}
            if not open_:
                return self._merged(keys, answers, streamed)
        raise RuntimeError(
            f"the feature workers lost their responses {RESTARTS + 1} times in a row; see their log above"
        )

    def _submit_missing(self, shares: dict[int, list[ResponseKey]], text_of: TextOf) -> int:
        """Submit the responses that the workers lack, and return their number."""
        asked = self._ask([partial(self.workers[i].missing.remote, own) for i, own in shares.items()])
        absent = [key for found in asked for key in found]
        if absent:
            texts = dict(zip(absent, text_of(absent), strict=True))
            self._ask(
                [
                    partial(self.workers[i].submit_many.remote, [(key, texts[key]) for key in own])
                    for i, own in self._shares(absent).items()
                ]
            )
        return len(absent)

    def _shares(self, keys: Collection[ResponseKey]) -> dict[int, list[ResponseKey]]:
        shares: dict[int, list[ResponseKey]] = {}
        for key in keys:
            shares.setdefault(worker_of(key, len(self.workers)), []).append(key)
        return shares

    def _merged(self, keys: Sequence[ResponseKey], answers: dict[int, Collected], streamed: int) -> Answer:
        own = self._shares(keys)
        row_of = {key: (i, row) for i, share in own.items() for row, key in enumerate(share)}
        places = [row_of[key] for key in keys]
        return Answer(
            [answers[i].identities[row] for i, row in places],
            np.stack([answers[i].values[row] for i, row in places]),
            sum(answer.truncated for answer in answers.values()),
            sum(answer.work_seconds for answer in answers.values()),
            total(answer.counts for answer in answers.values()),
            streamed,
        )

    def _ask(self, calls: Sequence[Call]) -> list[Any]:
        """The answers in the order of `calls`. Unreachable workers are asked again until Ray restarted them or time is over."""
        limit = 2 * self.source.deadline
        until = time.monotonic() + limit
        answers: dict[int, Any] = {}
        while len(answers) < len(calls):
            open_ = {i: call() for i, call in enumerate(calls) if i not in answers}
            for i, reference in open_.items():
                try:
                    answers[i] = ray.get(reference, timeout=max(0.0, until - time.monotonic()))
                except ray.exceptions.ActorUnavailableError as error:
                    if time.monotonic() > until:
                        raise
                    print(f"[dqo_verl] a feature worker is unreachable; Ray restarts it: {error}", flush=True)
                    time.sleep(SECONDS_TO_RECOVER)
                except ray.exceptions.GetTimeoutError as error:
                    raise RuntimeError(
                        f"the feature workers gave no answer within {limit:g} s (twice "
                        f"{self.source.spell('deadline', f'{self.source.deadline:g}')}). Raise it, or use a smaller model, "
                        f"more workers ({self.source.spell('actors', 2)}) or a GPU ({self.source.spell('placement', 'gpu')})."
                    ) from error
        return [answers[i] for i in range(len(calls))]
