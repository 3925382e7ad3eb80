"""Classes of a group's responses, from pairs that are classified before the group is complete."""

from collections import defaultdict
from collections.abc import Callable, Sequence

from dqo_verl.core.keys import ResponseKey
from dqo_verl.core.pairs import RULES, Pair, without_model
from dqo_verl.streaming.groups import GroupStream
from dqo_verl.streaming.stream import MAX_BATCH_CHARACTERS


class PartitionStream(GroupStream):
    """Classifies pairs of a group before the group is complete, by `classifier(pairs) -> (same flags, truncated texts)`."""

    def __init__(
        self,
        classifier: Callable[[Sequence[Pair]], tuple[Sequence[bool], set[str]]],
        rule: str = "components",
        decide: Callable[[str, str], bool | None] = without_model,
    ):
        super().__init__()
        self.classifier = classifier
        self.rule = rule
        # the decision on a pair that needs no model; None if the model must decide
        self.decide = decide
        self.questions, self.partition = RULES[rule]
        # by group: the decisions on its pairs, and how often the model was asked since a response arrived
        self.decided: defaultdict[str, dict[Pair, bool]] = defaultdict(dict)
        self.rounds: dict[str, int] = {}

    def added(self, key: ResponseKey) -> None:
        super().added(key)
        self.rounds[key.group] = 0
        # The greedy rule needs the whole group in order.
        if self.rule == "components":
            self.open[key.group] = None

    def open_questions(self, uid: str) -> list[Pair]:
        """Pairs that the model must decide; this method decides pairs that need no model."""
        decided = self.decided[uid]
        while True:
            asked = self.questions(self.distinct(uid), decided, forests=2 ** self.rounds[uid])
            known = {pair: self.decide(*pair) for pair in asked}
            decided |= {pair: same for pair, same in known.items() if same is not None}
            left = [pair for pair, same in known.items() if same is None]
            if left or not asked:
                return left

    def next_batch(self) -> list[tuple[str, Pair]]:
        batch: list[tuple[str, Pair]] = []
        characters = 0
        # The groups that are being collected come first.
        for uid in sorted(self.open, key=lambda uid: uid not in self.members):
            questions = self.open_questions(uid) if uid in self.groups and uid not in self.failed else []
            if not questions:
                del self.open[uid]
                continue
            batch += [(uid, pair) for pair in questions]
            self.rounds[uid] += 1
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
                self.decided[uid][pair] = bool(decision)
        self.truncated |= truncated

    def is_done(self, uid: str) -> bool:
        return uid not in self.open

    def labels(self, uid: str) -> dict[str, int]:
        texts = self.distinct(uid)
        found = self.partition(texts, self.decided[uid])
        names = list(dict.fromkeys(found))
        return {text: names.index(label) for text, label in zip(texts, found, strict=True)}

    def forget(self, keys: Sequence[ResponseKey]) -> None:
        super().forget(keys)
        for uid in {key.group for key in keys}:
            self.decided.pop(uid, None)
            self.rounds.pop(uid, None)
