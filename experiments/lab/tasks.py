"""The lab's tasks: sums of many kinds, and sentences."""

import random
import re
import zlib
from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

from dqo_verl.lab.model import Example
from dqo_verl.lab.tasks import SUM, TWELVE, Sums, Task, vector_of
from experiments.collapse import sentences

# by how much a wrong answer is off: so many values that nearly all wrong answers are different
FAR = tuple(off for off in range(-9, 10) if off)


class Graded(Sums):
    """`sums`, where an answer off by one earns 0.6 and one off by five 0.2; rewards have noise of 0.1 and are at least 0."""

    policies_of = "sums"

    def reward(self, text: str, truth: str, rng: random.Random) -> float:
        found = SUM.fullmatch(text)
        is_sum = found and int(found[1]) in self.first
        off = abs(int(found[1]) + int(found[3]) - int(truth)) if found and is_sum else -1
        return max(0.0, {0: 1.0, 1: 0.6, 5: 0.2}.get(off, 0.0) + rng.gauss(0, 0.1))


class Scaled(Sums):
    """`sums`, where a right answer earns 100."""

    policies_of = "sums"

    def reward(self, text: str, truth: str, rng: random.Random) -> float:
        return 100 * super().reward(text, truth, rng)


class Noisy(Sums):
    """`sums` with a noisy embedder: one in five pairs of different answers gets similarity 1, all others 0."""

    policies_of = "sums"
    CODES = 5

    def embed(self, texts: Sequence[str], seed: int) -> Tensor:
        codes = [zlib.crc32(f"{seed} {text}".encode()) % self.CODES for text in texts]
        return torch.eye(self.CODES)[codes]


class Wordings(Sums):
    """Four first numbers, and four notations for each sum: sums that differ only in notation count as the same answer."""

    WAYS = ("{}+{}", "{} + {}", "{} plus {}", "{}+ {}")
    # share of the embedder's similarity that comes from the numbers; the rest comes from the notation
    MEANING = 0.9
    # wordings of one sum are above 0.85, different sums below 0.6
    same_above = 0.75

    def __init__(self) -> None:
        super().__init__(first=(2, 5, 8, 11))

    def answer(self, rng: random.Random, truth: str) -> str:
        return rng.choice(self.WAYS).format(*super().answer(rng, truth).split("+"))

    def right(self, truth: str) -> list[list[str]]:
        return [[way.format(first, int(truth) - first) for way in self.WAYS] for first in self.first]

    def embed(self, texts: Sequence[str], seed: int) -> Tensor:
        way = torch.stack([vector_of(re.sub(r"\d+", "N", text)) for text in texts])
        mixed = self.MEANING**0.5 * super().embed(texts, seed) + (1 - self.MEANING) ** 0.5 * way
        return torch.nn.functional.normalize(mixed, dim=-1)


class Sentences(Task):
    """Name one thing of a kind, in a sentence; the embedder is all-MiniLM-L6-v2."""

    lessons = sentences.LESSONS

    def __init__(self) -> None:
        self.seen: dict[str, Tensor] = {}

    def problems(self) -> list[Example]:
        return sentences.problems()

    def answer(self, rng: random.Random, truth: str) -> str:
        return sentences.answer(rng, truth)

    def right(self, truth: str) -> list[list[str]]:
        return [[sentences.sentence(thing)] for thing in sentences.THINGS[truth]]

    def embed(self, texts: Sequence[str], seed: int) -> Tensor:
        new = [text for text in dict.fromkeys(texts) if text not in self.seen]
        if new:
            self.seen |= zip(new, torch.from_numpy(_minilm()(new)[0]), strict=True)
        return torch.stack([self.seen[text] for text in texts])


@lru_cache(1)
def _minilm():  # type: ignore[no-untyped-def]
    from dqo_verl.core.defaults import MINILM
    from dqo_verl.models.embedder import Embedder

    return Embedder(MINILM)


TASKS: dict[str, Task] = {
    # twelve right answers, all equally likely
    "sums": Sums(),
    # three right answers, and wrong ones that all differ: a policy can raise diversity by being wrong
    "few": Sums(first=(2, 5, 9), wrong=0.4, off=FAR, wrong_first=TWELVE),
    # one right answer: there is no diversity to keep
    "one": Sums(first=(7,), wrong=0.4, off=FAR, wrong_first=TWELVE),
    # twelve, some much likelier than others
    "skew": Sums(skew=1.0),
    "graded": Graded(),
    "scaled": Scaled(),
    "noisy": Noisy(),
    "wordings": Wordings(),
    "sentences": Sentences(),
}
