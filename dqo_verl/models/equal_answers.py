"""Decides which pairs of final answers are equal as mathematics: a pair classifier without a model."""

from collections.abc import Sequence
from functools import lru_cache

from dqo_verl.core.pairs import Pair
from dqo_verl.models.grader import Grader, NoGoldError

# math-verify needs a millisecond for normal answers
SECONDS = 1.0
REMEMBERED = 10_000


class EqualAnswers:
    """`equal(pairs)` -> whether the answers of each pair are equal, and an empty set, because no text is cut.

    If math-verify does not find an answer equal to itself, it cannot read it, or would never finish: such an answer equals only
    the same text.
    """

    def __init__(self) -> None:
        self.grader = Grader()
        self.is_read = lru_cache(REMEMBERED)(self._is_read)
        assert self.equal("1/2", "0.5"), "math-verify does not find 1/2 equal to 0.5"

    def __call__(self, pairs: Sequence[Pair]) -> tuple[list[bool], set[str]]:
        return [self.equal(*pair) for pair in pairs], set()

    def equal(self, a: str, b: str) -> bool:
        return a == b or (self.is_read(a) and self.is_read(b) and self._verdict(a, b))

    def _is_read(self, answer: str) -> bool:
        try:
            return self._verdict(answer, answer)
        except NoGoldError:
            return False

    def _verdict(self, a: str, b: str) -> bool:
        return bool(self.grader(a, f"\\boxed{{{b}}}", SECONDS))

    def rest(self) -> None:
        """Nothing to do: it uses no GPU memory."""
