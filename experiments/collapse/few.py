"""Task `few`: `sums` where the first number must be 2, 5 or 9, and wrong answers differ: being wrong can raise diversity.

It is the lab's task of the same name, with the same lessons and start policies.
"""

import random

from dqo_verl.lab.tasks import Sums
from experiments.collapse.sums import problems, save_embedder
from experiments.lab.tasks import TASKS

__all__ = ["LESSONS", "WRONG", "answer", "is_right", "problems", "save_embedder"]

FEW = TASKS["few"]
assert isinstance(FEW, Sums)
LESSONS, WRONG = FEW.lessons, FEW.wrong


def answer(rng: random.Random, truth: str) -> str:
    return FEW.answer(rng, truth)


def is_right(text: str, truth: str) -> bool:
    return any(text in same for same in FEW.right(truth))
