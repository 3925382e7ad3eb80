"""Embeddings of responses, each text once, computed while others are still being generated."""

from collections.abc import Callable, Collection, Sequence

import numpy as np

from dqo_verl.core.keys import ResponseKey
from dqo_verl.streaming.stream import MAX_BATCH_CHARACTERS, Stream


class EmbeddingStream(Stream):
    """Embeds texts by `embedder(texts) -> (vectors, truncated flags)`. Equal texts are embedded once."""

    def __init__(self, embedder: Callable[[Sequence[str]], tuple[np.ndarray, np.ndarray]]):
        super().__init__()
        self.embedder = embedder
        self.vectors: dict[str, np.ndarray] = {}
        self.waiting: dict[str, None] = {}

    def added(self, key: ResponseKey) -> None:
        text = self.texts[key]
        if text not in self.vectors:
            self.waiting[text] = None

    def next_batch(self) -> list[str]:
        batch: list[str] = []
        characters = 0
        for text in self.waiting:
            characters += len(text)
            if batch and characters > MAX_BATCH_CHARACTERS:
                break
            batch.append(text)
        for text in batch:
            del self.waiting[text]
        return batch

    def compute(self, batch: list[str]) -> tuple[np.ndarray, np.ndarray]:
        return self.embedder(batch)

    def store(self, batch: list[str], outcome: tuple[np.ndarray, np.ndarray]) -> None:
        vectors, truncated = outcome
        self.vectors.update(zip(batch, vectors, strict=True))
        self.truncated.update(text for text, cut in zip(batch, truncated, strict=True) if cut)

    def unit_of(self, item: str) -> str:
        return item

    def retry(self, unit: str) -> None:
        self.waiting[unit] = None

    async def values(self, keys: Sequence[ResponseKey], compared: Collection[ResponseKey]) -> np.ndarray:
        """Embeddings `(n, d)` of all keys, whether compared or not."""
        texts = [self.texts[key] for key in keys]
        await self.until(lambda: all(text in self.vectors for text in texts), set(texts))
        return np.stack([self.vectors[text] for text in texts])

    def forget(self, keys: Sequence[ResponseKey]) -> None:
        super().forget(keys)
        if not self.texts:
            # This is the usual case between two steps.
            self.vectors.clear()
            self.waiting.clear()
        elif len(self.vectors) > 2 * len(self.texts) + 1000:
            kept = set(self.texts.values())
            self.vectors = {text: vector for text, vector in self.vectors.items() if text in kept}
            self.waiting = {text: None for text in self.waiting if text in kept}
