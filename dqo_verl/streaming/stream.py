"""Computes the features of finished responses in batches, while others are still being generated.

Streams (embeddings in `embeddings.py`, classes in `classes.py` and `judged.py`) have two main methods: `submit(key, text)`
returns at once, `collect(keys)` waits for the features that are not computed yet. Nothing here uses Ray; `service.py` runs a
stream in an actor.
"""

import asyncio
import hashlib
import time
from abc import ABC, abstractmethod
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from dqo_verl.core.keys import ResponseKey

# most responses from reward workers that are kept; beyond it the oldest are forgotten, and computed on demand
MAX_RESPONSES = 100_000
# collects after which a response is forgotten: its group was filtered out, or failed
MAX_AGE = 100
# most characters in one call of the model, which bounds how long a collect waits for its turn
MAX_BATCH_CHARACTERS = 400_000


def identity(text: str) -> int:
    """A hash that is equal for equal texts, in every process; all blank texts have the same."""
    return int.from_bytes(hashlib.blake2b(text.encode() if text.strip() else b"", digest_size=8).digest(), "big")


@dataclass(frozen=True)
class Collected:
    """The result for n responses, in the order of their keys: numbers, not texts."""

    # equal for equal texts
    identities: list[int]
    # embeddings (n, d), or class labels (n,) that can be compared within a group
    values: np.ndarray
    # responses that are longer than the model reads
    truncated: int
    # the model's time since the last collect
    work_seconds: float
    # other counts of the model since then
    counts: Counter[str]


def total(counts: Iterable[Counter[str]]) -> Counter[str]:
    """The sum of counters. Counts of 0 stay, so that every step logs the same metrics."""
    found: Counter[str] = Counter()
    for one in counts:
        found.update(one)
    return found


def counted(counts: Mapping[str, float]) -> dict[str, float]:
    """Counts as metrics, under the names that trainers log."""
    return {f"diversity/{name}": float(number) for name, number in counts.items()}


class Stream(ABC):
    """Keeps texts by key, calls the model in a thread from a background loop, and waits for the results."""

    def __init__(self) -> None:
        # oldest first
        self.texts: OrderedDict[ResponseKey, str] = OrderedDict()
        # for each response, the number of collects before it arrived
        self.born: dict[ResponseKey, int] = {}
        self.collects = 0
        # allows one collect at a time
        self.collecting = asyncio.Lock()
        # groups that are being collected
        self.wanted: set[str] = set()
        # errors by unit of work, which is a text or a group
        self.failed: dict[str, BaseException] = {}
        # texts that were cut
        self.truncated: set[str] = set()
        self.accepting = True
        self.work_seconds = 0.0
        self.counts: Counter[str] = Counter()
        self.changed = asyncio.Condition()
        self.thread = ThreadPoolExecutor(1)
        self.loop_task: asyncio.Task[None] | None = None

    async def submit(self, key: ResponseKey, text: str) -> None:
        """Called by reward workers, which do not wait. Ignored during validation, whose responses are never collected."""
        if not self.accepting:
            return
        await self.submit_many([(key, text)])
        while len(self.texts) > MAX_RESPONSES:
            oldest = next((key for key in self.texts if key.group not in self.wanted), None)
            if oldest is None:
                break
            self.forget([oldest])

    async def submit_many(self, responses: Sequence[tuple[ResponseKey, str]]) -> None:
        for key, text in responses:
            self.texts[key] = text if text.strip() else ""
            self.texts.move_to_end(key)
            self.born[key] = self.collects
            self.added(key)
        await self.wake()

    async def accept(self, accepting: bool) -> None:
        self.accepting = accepting

    async def missing(self, keys: Sequence[ResponseKey]) -> list[ResponseKey]:
        """The keys that were never submitted, or were forgotten."""
        return [key for key in keys if key not in self.texts]

    async def wake(self) -> None:
        if self.loop_task is None or self.loop_task.done():
            self.loop_task = asyncio.create_task(self.work())

    async def until(self, done: Callable[[], bool], units: Collection[str]) -> None:
        """Wait until `done()`. Units that failed earlier are tried once more; if one fails now, raise its error."""
        for unit in units:
            if self.failed.pop(unit, None):
                self.retry(unit)
        await self.wake()
        async with self.changed:
            await self.changed.wait_for(lambda: done() or any(unit in self.failed for unit in units))
        if errors := [self.failed[unit] for unit in units if unit in self.failed]:
            raise errors[0]

    async def work(self) -> None:
        """Compute until nothing is left to do; a later submission starts it again."""
        while batch := self.next_batch():
            started = time.perf_counter()
            try:
                self.store(batch, await asyncio.get_running_loop().run_in_executor(self.thread, self.compute, batch))
            except BaseException as error:
                # `until` raises it; what ends this process or task is also raised here, after the collects are notified
                self.failed.update(dict.fromkeys(map(self.unit_of, batch), error))
                if not isinstance(error, Exception):
                    await asyncio.shield(self.notify())
                    raise
            self.work_seconds += time.perf_counter() - started
            await self.notify()
        # `next_batch` itself may have completed what a collect waits for.
        await self.notify()

    async def after_the_batch(self, action: Callable[[], None]) -> None:
        """Run `action` in the model's thread, so that it never overlaps with `compute`."""
        await asyncio.get_running_loop().run_in_executor(self.thread, action)

    async def notify(self) -> None:
        async with self.changed:
            self.changed.notify_all()

    async def collect(
        self, keys: Sequence[ResponseKey], compared: Collection[ResponseKey] | None = None
    ) -> Collected | None:
        """Wait for the features of these responses and forget them; None if one was never submitted, or was forgotten.

        If features depend on the group, responses that are not `compared` do not count (default: all do).
        """
        async with self.collecting:
            if await self.missing(keys):
                return None
            self.wanted = {key.group for key in keys}
            try:
                values = await self.values(keys, keys if compared is None else compared)
            finally:
                self.wanted = set()
            identities = [identity(self.texts[key]) for key in keys]
            truncated = sum(self.texts[key] in self.truncated for key in keys)
            seconds, self.work_seconds = self.work_seconds, 0.0
            counts, self.counts = self.counts, Counter(dict.fromkeys(self.counts, 0))
            self.forget(keys)
            self.collects += 1
            while self.texts and self.born[oldest := next(iter(self.texts))] + MAX_AGE < self.collects:
                self.forget([oldest])
            return Collected(identities, values, truncated, seconds, counts)

    def forget(self, keys: Sequence[ResponseKey]) -> None:
        for key in keys:
            self.texts.pop(key, None)
            self.born.pop(key, None)
        if len(self.truncated) > len(self.texts):
            self.truncated &= set(self.texts.values())
        if len(self.failed) > len(self.texts):
            known = set(self.texts.values()) | {key.group for key in self.texts}
            self.failed = {unit: error for unit, error in self.failed.items() if unit in known}

    @abstractmethod
    def added(self, key: ResponseKey) -> None:
        """Called when a response arrives."""

    @abstractmethod
    def next_batch(self) -> list[Any]:
        """Items of work to hand to the model next; empty if nothing is left."""

    @abstractmethod
    def compute(self, batch: list[Any]) -> Any:
        """Call the model; runs in a thread."""

    @abstractmethod
    def store(self, batch: list[Any], outcome: Any) -> None:
        """Store the model's results."""

    @abstractmethod
    def unit_of(self, item: Any) -> str:
        """The unit that fails, and is tried again, as a whole if this item's batch fails."""

    @abstractmethod
    def retry(self, unit: str) -> None:
        """Queue a unit again."""

    @abstractmethod
    async def values(self, keys: Sequence[ResponseKey], compared: Collection[ResponseKey]) -> np.ndarray:
        """Wait for the features of these responses, all of which are known."""
