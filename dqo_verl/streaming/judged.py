"""Classes by a judge, which reads the responses of a group together."""

from collections.abc import Collection, Sequence

import numpy as np

from dqo_verl.core.keys import ResponseKey
from dqo_verl.core.sources import NOT_COMPARED
from dqo_verl.models.judge import Judge, Partition
from dqo_verl.streaming.stream import Stream

# number of cached answers of the judge: a collapsed policy writes the same groups again
KEPT = 10_000

Texts = tuple[str, ...]


class JudgedStream(Stream):
    """Asks the judge when a group is as large as those of the last collect, or at the latest when it is collected.

    The blank responses of a group form one class. If the judge does not sort a group, each distinct response is a class: all
    are equally diverse, and quality alone decides.
    """

    def __init__(self, judge: Judge):
        super().__init__()
        self.judge = judge
        self.groups: dict[str, list[ResponseKey]] = {}
        self.waiting: dict[str, None] = {}
        # the compared keys of the groups that are being collected
        self.members: dict[str, list[ResponseKey]] = {}
        self.size: int | None = None
        self.classes: dict[Texts, Partition] = {}

    def added(self, key: ResponseKey) -> None:
        group = self.groups.setdefault(key.group, [])
        if key not in group:
            group.append(key)
        if len(group) == self.size or key.group in self.members:
            self.waiting[key.group] = None

    def distinct(self, uid: str) -> Texts:
        """Distinct texts of a group that are not blank, sorted."""
        keys = self.members.get(uid, self.groups[uid])
        return tuple(sorted({self.texts[key] for key in keys if key in self.texts} - {""}))

    def next_batch(self) -> list[tuple[str, Texts]]:
        batch: list[tuple[str, Texts]] = []
        for uid in list(self.waiting):
            del self.waiting[uid]
            texts = self.distinct(uid) if uid in self.groups else ()
            if len(texts) < 2:
                self.classes[texts] = tuple(range(len(texts)))
            elif texts in self.classes:
                # used again, so moved to the end: the first ones are forgotten first
                self.classes[texts] = self.classes.pop(texts)
            else:
                batch.append((uid, texts))
        return batch

    def compute(self, batch: list[tuple[str, Texts]]) -> list[Partition | None]:
        return self.judge([texts for _, texts in batch])

    def store(self, batch: list[tuple[str, Texts]], outcome: list[Partition | None]) -> None:
        for (_, texts), partition in zip(batch, outcome, strict=True):
            self.classes[texts] = partition or tuple(range(len(texts)))
        self.counts.update(self.judge.counts)
        self.judge.counts.clear()

    def unit_of(self, item: tuple[str, Texts]) -> str:
        return item[0]

    def retry(self, unit: str) -> None:
        self.waiting[unit] = None

    async def values(self, keys: Sequence[ResponseKey], compared: Collection[ResponseKey]) -> np.ndarray:
        """Class labels `(n,)`, which can be compared within a group."""
        groups: dict[str, list[ResponseKey]] = {}
        for key in compared:
            groups.setdefault(key.group, []).append(key)
        self.members.update(groups)
        self.waiting.update(dict.fromkeys(groups))
        try:
            await self.until(lambda: all(self.distinct(uid) in self.classes for uid in groups), set(groups))
            asked = {uid: self.distinct(uid) for uid in groups}
        finally:
            for uid in groups:
                self.members.pop(uid, None)
        self.size = max((len(self.groups[uid]) for uid in groups), default=self.size)
        label = {
            (uid, text): i for uid, texts in asked.items() for text, i in zip(texts, self.classes[texts], strict=True)
        }
        blank = {uid: len(texts) for uid, texts in asked.items()}
        among = set(compared)
        return np.array(
            [
                label.get((key.group, self.texts[key]), blank[key.group]) if key in among else NOT_COMPARED
                for key in keys
            ]
        )

    def forget(self, keys: Sequence[ResponseKey]) -> None:
        """Forget the whole groups of these keys, because a group is collected only once."""
        gone = {uid: self.groups.pop(uid) for uid in {key.group for key in keys} & self.groups.keys()}
        super().forget([key for group in gone.values() for key in group])
        for texts in list(self.classes)[: -(KEPT + len(self.groups))]:
            del self.classes[texts]
