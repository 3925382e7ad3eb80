"""A stream without Ray, whose model runs in this process, for trainers that generate in one call."""

import asyncio
import itertools
import threading
from collections.abc import Collection, Sequence

from dqo_verl.core.keys import ResponseKey
from dqo_verl.core.placements import Shared
from dqo_verl.core.sources import Model
from dqo_verl.streaming.of_source import model_and_stream
from dqo_verl.streaming.stream import Collected


class LocalModel:
    """The model of a source on one device. Several threads may use it at once, also beside a notebook's event loop."""

    def __init__(self, source: Model, device: str):
        self.model, self.stream = model_and_stream(source, device)
        self.rests = isinstance(source.placement, Shared)
        self.calls = itertools.count()
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, name="dqo_verl features", daemon=True).start()

    def collect(
        self, keys: Sequence[ResponseKey], texts: Sequence[str], compared: Collection[ResponseKey]
    ) -> Collected:
        """Features of these responses, which must be whole groups."""
        call = next(self.calls)

        def of_this_call(key: ResponseKey) -> ResponseKey:
            return key._replace(group=f"{call}.{key.group}")

        answer = self._collect(list(map(of_this_call, keys)), texts, list(map(of_this_call, compared)))
        return asyncio.run_coroutine_threadsafe(answer, self.loop).result()

    async def _collect(
        self, keys: Sequence[ResponseKey], texts: Sequence[str], compared: Collection[ResponseKey]
    ) -> Collected:
        await self.stream.submit_many(list(zip(keys, texts, strict=True)))
        collected = await self.stream.collect(keys, compared)
        assert collected is not None, "more responses in one call than a stream keeps"
        if self.rests:
            await self.stream.after_the_batch(self.model.rest)
        return collected
