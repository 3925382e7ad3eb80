"""The lab's tasks: problems whose correct answers can all be listed, a reward, and an embedder for the answers."""

import random
import re
import zlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

from dqo_verl.lab.model import Example

SUM = re.compile(r"([1-9]\d*)( ?\+ ?| plus )([1-9]\d*)")
NUMBERS, TWELVE = range(20, 116), range(1, 13)
# what wrong answers are off by
NEAR = (-5, -1, 1, 5)


class Task(ABC):
    """A problem is a question and its ground truth."""

    # how many batches of 128 the start policies learn from
    lessons = 800
    # the task whose start policies this task uses; None: its own
    policies_of: str | None = None
    # the cosine above which two answers say the same
    same_above: float = 0.95

    @abstractmethod
    def problems(self) -> list[Example]: ...

    @abstractmethod
    def answer(self, rng: random.Random, truth: str) -> str:
        """An answer of the teacher, which may be wrong."""

    @abstractmethod
    def right(self, truth: str) -> list[list[str]]:
        """All correct answers; those in one list say the same."""

    def reward(self, text: str, truth: str, rng: random.Random) -> float:
        return float(any(text in same for same in self.right(truth)))

    @abstractmethod
    def embed(self, texts: Sequence[str], seed: int) -> Tensor:
        """Embeddings `(n, d)` of unit norm."""


@lru_cache(100_000)
def vector_of(part: str) -> Tensor:
    """A random direction for each part of a text, the same in every process."""
    generator = torch.Generator().manual_seed(zlib.crc32(part.encode()))
    return torch.nn.functional.normalize(torch.randn(512, generator=generator), dim=0)


def parts_of(text: str) -> list[str]:
    """The two numbers of a sum, the first with a plus sign; for any other text, the whole text."""
    found = SUM.fullmatch(text)
    return [f"{found[1]}+", found[3]] if found else [text]


class Sums(Task):
    """`N =` -> `a+b`, where a must be one of `first`. The cosine of two answers is 0.5 if they share a number, 0 if not.

    `wrong`: the share of wrong lessons, which are off by one of `off`, with a first number from `wrong_first`. `skew`: the
    exponent of the teacher's Zipf preference among correct answers, whose order is random for each N.
    """

    def __init__(
        self,
        first: Sequence[int] = TWELVE,
        wrong: float = 0.25,
        off: Sequence[int] = NEAR,
        wrong_first: Sequence[int] | None = None,
        skew: float = 0.0,
    ):
        self.first, self.wrong, self.off, self.skew = list(first), wrong, off, skew
        self.wrong_first = list(wrong_first or first)

    def problems(self) -> list[Example]:
        return [(f"{n} =", str(n)) for n in NUMBERS]

    def answer(self, rng: random.Random, truth: str) -> str:
        first = self._liked(rng, truth)
        wrong_by = 0
        if rng.random() < self.wrong:
            wrong_by = rng.choice(self.off)
            first = first if self.wrong_first == self.first else rng.choice(self.wrong_first)
        return f"{first}+{int(truth) - first + wrong_by}"

    def _liked(self, rng: random.Random, truth: str) -> int:
        if not self.skew:
            return rng.choice(self.first)
        order = random.Random(int(truth)).sample(self.first, len(self.first))
        return rng.choices(order, [1 / place**self.skew for place in range(1, len(order) + 1)])[0]

    def right(self, truth: str) -> list[list[str]]:
        return [[f"{first}+{int(truth) - first}"] for first in self.first]

    def embed(self, texts: Sequence[str], seed: int) -> Tensor:
        rows = [sum(map(vector_of, parts_of(text)), torch.zeros(512)) for text in texts]
        return torch.nn.functional.normalize(torch.stack(rows), dim=-1)
