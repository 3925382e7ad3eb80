"""Classes of a group's responses, from pairs that are classified before the group is complete."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

import numpy as np

from dqo_verl.core.keys import ResponseKey
from dqo_verl.core.pairs import RULES, Pair, without_model
from dqo_verl.core.sources import NOT_COMPARED
from dqo_verl.streaming.stream import MAX_BATCH_CHARACTERS, Stream


@dataclass
class Group:
    """The responses to one prompt that arrived so far, and the decisions on their pairs."""

    keys: list[ResponseKey] = field(default_factory=list)
    decided: dict[Pair, bool] = field(default_factory=dict)
    rounds: int = 0


class PartitionStream(Stream):
    """Classifies pairs of a group before the group is complete, by `classifier(pairs) -> (same flags, truncated texts)`."""

    def __init__(
        self,
        classifier: Callable[[Sequence[Pair]], tuple[Sequence[bool], set[str]]],
        rule: str = "components",
        short_words: int = 0,
    ):
        super().__init__()
        self.classifier = classifier
        self.rule = rule
        self.short_words = short_words
        self.questions, self.labels = RULES[rule]
        self.groups: dict[str, Group] = {}
        # groups that may have undecided pairs
        self.active: dict[str, None] = {}
        # the compared keys of the groups that are being collected
        self.members: dict[str, list[ResponseKey]] = {}

    def added(self, key: ResponseKey) -> None:
        group = self.groups.setdefault(key.group, Group())
        if key not in group.keys:
            group.keys.append(key)
        group.rounds = 0
        # The greedy rule needs the whole group in order.
        if self.rule == "components":
            self.active[key.group] = None

    def nodes(self, uid: str) -> list[str]:
        """Distinct texts in the order of the responses."""
        keys = self.members.get(uid, self.groups[uid].keys)
        return list(dict.fromkeys(self.texts[key] for key in sorted(keys) if key in self.texts))

    def open_questions(self, uid: str) -> list[Pair]:
        """Pairs that the model must decide; this method decides pairs that need no model."""
        group = self.groups[uid]
        while True:
            asked = self.questions(self.nodes(uid), group.decided, forests=2**group.rounds)
            known = {pair: without_model(*pair, self.short_words) for pair in asked}
            group.decided |= {pair: same for pair, same in known.items() if same is not None}
            left = [pair for pair, same in known.items() if same is None]
            if left or not asked:
                return left

    def next_batch(self) -> list[tuple[str, Pair]]:
        batch: list[tuple[str, Pair]] = []
        characters = 0
        # The groups that are being collected come first.
        for uid in sorted(self.active, key=lambda uid: uid not in self.members):
            questions = self.open_questions(uid) if uid in self.groups and uid not in self.failed else []
            if not questions:
                del self.active[uid]
                continue
            batch += [(uid, pair) for pair in questions]
            self.groups[uid].rounds += 1
            characters += sum(len(a) + len(b) for a, b in questions)
            if characters > MAX_BATCH_CHARACTERS:
                break
        return batch

    def compute(self, batch: list[tuple[str, Pair]]) -> tuple[Sequence[bool], set[str]]:
        return self.classifier([pair for _, pair in batch])

    def store(self, batch: list[tuple[str, Pair]], outcome: tuple[Sequence[bool], set[str]]) -> None:
        same, truncated = outcome
        for (uid, pair), decision in zip(batch, same, strict=True):
            if uid in self.groups:
                self.groups[uid].decided[pair] = bool(decision)
        self.truncated |= truncated

    def unit_of(self, item: tuple[str, Pair]) -> str:
        return item[0]

    def retry(self, unit: str) -> None:
        self.active[unit] = None

    async def values(self, keys: Sequence[ResponseKey], compared: Collection[ResponseKey]) -> np.ndarray:
        """Class labels `(n,)`; only the compared responses count, whatever else was submitted."""
        groups: dict[str, list[ResponseKey]] = {}
        for key in compared:
            groups.setdefault(key.group, []).append(key)
        self.members.update(groups)
        self.active.update(dict.fromkeys(groups))
        try:
            await self.until(lambda: not any(uid in self.active for uid in groups), set(groups))
            label = {key: i for uid, members in groups.items() for key, i in self.labels_of(uid, members).items()}
        finally:
            for uid in groups:
                self.members.pop(uid, None)
        return np.array([label.get(key, NOT_COMPARED) for key in keys])

    def labels_of(self, uid: str, keys: Sequence[ResponseKey]) -> dict[ResponseKey, int]:
        nodes = self.nodes(uid)
        label = dict(zip(nodes, self.labels(nodes, self.groups[uid].decided), strict=True))
        names = list(dict.fromkeys(label.values()))
        return {key: names.index(label[self.texts[key]]) for key in keys}

    def forget(self, keys: Sequence[ResponseKey]) -> None:
        """Forget the whole groups of these keys, because a group is collected only once."""
        uids = {key.group for key in keys}
        super().forget([key for uid in uids if uid in self.groups for key in self.groups[uid].keys])
        for uid in uids:
            self.groups.pop(uid, None)
            self.active.pop(uid, None)
