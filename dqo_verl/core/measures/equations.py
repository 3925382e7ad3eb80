"""DIVER's diversity of equations (arXiv 2509.26209): steps that no other response of the group takes.

    d_i = equations of i that nobody else has / equations of i

An equation is a run of terms around `=`, without blanks; repeated ones count once. A response without equations gives 0.
"""

import re
from collections import Counter
from collections.abc import Sequence

from torch import Tensor

from dqo_verl.core.features import Groups
from dqo_verl.core.measures.base import Measure

TERM = r"[\w.$%\\{}()^]+"
SIDE = re.compile(rf"{TERM}(?:\s*[-+*/\u00d7\u00f7]\s*{TERM})*")
EQUALS = re.compile(r"\s*=\s*")


def equations_of(text: str) -> set[str]:
    """One pass: a policy may repeat a digit ten thousand times."""
    found, left = set(), None
    for side in SIDE.finditer(text):
        if left is not None and EQUALS.fullmatch(text, left.end(), side.start()):
            found.add(re.sub(r"\s", "", text[left.start() : side.end()]).rstrip("."))
            left = None
        else:
            left = side
    return found


def own_equations(texts: Sequence[str]) -> list[float]:
    """For each response, the share of its equations that no other response has."""
    found = [equations_of(text) for text in texts]
    holders = Counter(equation for own in found for equation in own)
    return [sum(holders[equation] == 1 for equation in own) / len(own) if own else 0.0 for own in found]


class Equations(Measure):
    """Share of a response's equations that nobody else in the group has."""

    name = "equations"
    phrase = "share of equations that no other response has"
    reads = "texts"

    def __call__(self, groups: Groups) -> Tensor:
        return groups.each([own_equations(texts) for texts in groups.texts])
