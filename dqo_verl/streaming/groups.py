"""Classes of responses, which depend on the whole group: shared by `classes.py` and `judged.py`."""

from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from dqo_verl.core.keys import ResponseKey
from dqo_verl.core.sources import NOT_COMPARED
from dqo_verl.streaming.stream import Stream


class GroupStream(Stream):
    """Keeps the responses of each group together. A unit of work is a group, and an item starts with the group's uid."""

    def __init__(self) -> None:
        super().__init__()
        # the responses to each prompt that arrived so far
        self.groups: dict[str, list[ResponseKey]] = {}
        # groups that the model may have to look at
        self.open: dict[str, None] = {}
        # the compared keys of the groups that are being collected
        self.members: dict[str, list[ResponseKey]] = {}

    def added(self, key: ResponseKey) -> None:
        group = self.groups.setdefault(key.group, [])
        if key not in group:
            group.append(key)

    def distinct(self, uid: str) -> list[str]:
        """Distinct texts in the order of the responses."""
        keys = self.members.get(uid, self.groups[uid])
        return list(dict.fromkeys(self.texts[key] for key in sorted(keys) if key in self.texts))

    def unit_of(self, item: Sequence[Any]) -> str:
        uid: str = item[0]
        return uid

    def retry(self, unit: str) -> None:
        self.open[unit] = None

    @abstractmethod
    def is_done(self, uid: str) -> bool:
        """Whether the classes of this group are known."""

    @abstractmethod
    def labels(self, uid: str) -> Mapping[str, int]:
        """The class of each distinct text of this group."""

    async def values(self, keys: Sequence[ResponseKey], compared: Collection[ResponseKey]) -> np.ndarray:
        """Class labels `(n,)`, which can be compared within a group. Only the compared responses count."""
        groups: dict[str, list[ResponseKey]] = {}
        for key in compared:
            groups.setdefault(key.group, []).append(key)
        self.members.update(groups)
        self.open.update(dict.fromkeys(groups))
        try:
            await self.until(lambda: all(map(self.is_done, groups)), set(groups))
            labels = {uid: self.labels(uid) for uid in groups}
        finally:
            for uid in groups:
                self.members.pop(uid, None)
        among = set(compared)
        return np.array([labels[key.group][self.texts[key]] if key in among else NOT_COMPARED for key in keys])

    def forget(self, keys: Sequence[ResponseKey]) -> None:
        """Forget the whole groups of these keys, because a group is collected only once."""
        for uid in {key.group for key in keys}:
            super().forget(self.groups.pop(uid, []))
