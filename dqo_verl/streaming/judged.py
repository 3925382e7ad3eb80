"""Classes by a judge, which reads the responses of a group together."""

from collections.abc import Collection, Hashable, Sequence

import numpy as np

from dqo_verl.core.keys import ResponseKey
from dqo_verl.models.judge import Judge, Partition
from dqo_verl.streaming.groups import GroupStream
from dqo_verl.streaming.stream import identity

# number of cached answers of the judge: a collapsed policy writes the same groups again
KEPT = 10_000

Texts = tuple[str, ...]
# the identities of texts, which need less memory
Asked = tuple[Hashable, ...]


def asked(texts: Texts) -> Asked:
    return tuple(map(identity, texts))


class JudgedStream(GroupStream):
    """Asks the judge when a group is as large as those of the last collect, or at the latest when it is collected.

    The blank responses of a group form one class. If the judge does not sort a group, each distinct response is a class: all
    are equally diverse, and quality alone decides.
    """

    def __init__(self, judge: Judge):
        super().__init__()
        self.judge = judge
        self.size: int | None = None
        self.classes: dict[Asked, Partition] = {}

    def added(self, key: ResponseKey) -> None:
        super().added(key)
        if len(self.groups[key.group]) == self.size or key.group in self.members:
            self.open[key.group] = None

    def texts_of(self, uid: str) -> Texts:
        """The texts that the judge compares: distinct, not blank, sorted."""
        return tuple(sorted(set(self.distinct(uid)) - {""}))

    def next_batch(self) -> list[tuple[str, Texts]]:
        batch: list[tuple[str, Texts]] = []
        for uid in list(self.open):
            del self.open[uid]
            texts = self.texts_of(uid) if uid in self.groups else ()
            if len(texts) < 2:
                self.classes[asked(texts)] = tuple(range(len(texts)))
            elif (key := asked(texts)) in self.classes:
                # used again, so moved to the end: the first ones are forgotten first
                self.classes[key] = self.classes.pop(key)
            else:
                batch.append((uid, texts))
        return batch

    def compute(self, batch: list[tuple[str, Texts]]) -> list[Partition | None]:
        return self.judge([texts for _, texts in batch])

    def store(self, batch: list[tuple[str, Texts]], outcome: list[Partition | None]) -> None:
        for (_, texts), partition in zip(batch, outcome, strict=True):
            self.classes[asked(texts)] = partition or tuple(range(len(texts)))
        self.counts.update(self.judge.counts)
        self.judge.counts.clear()

    def is_done(self, uid: str) -> bool:
        return asked(self.texts_of(uid)) in self.classes

    def labels(self, uid: str) -> dict[str, int]:
        texts = self.texts_of(uid)
        return {"": len(texts)} | dict(zip(texts, self.classes[asked(texts)], strict=True))

    async def values(self, keys: Sequence[ResponseKey], compared: Collection[ResponseKey]) -> np.ndarray:
        found = await super().values(keys, compared)
        self.size = max((len(self.groups[key.group]) for key in compared), default=self.size)
        return found

    def forget(self, keys: Sequence[ResponseKey]) -> None:
        super().forget(keys)
        for key in list(self.classes)[: -(KEPT + len(self.groups))]:
            del self.classes[key]
