"""Decides which pairs of texts have final answers that are equal as mathematics: a pair classifier without a model."""

from collections.abc import Sequence
from functools import lru_cache

from dqo_verl.core.final_answer import final_answer
from dqo_verl.core.pairs import Pair
from dqo_verl.models.grader import Grader, NoGoldError

# math-verify needs a millisecond for normal answers
SECONDS = 1.0
REMEMBERED = 10_000


class EqualAnswers:
    """`equal(pairs)` -> whether the final answers of each pair are equal, and an empty set, because no text is cut.

    Texts without a final answer equal one another. If math-verify does not find an answer equal to itself, it cannot read it, or
    would never finish: such an answer equals only the same answer.
    """

    def __init__(self) -> None:
        self.grader = Grader()
        self.is_read = lru_cache(REMEMBERED)(self._is_read)
        self.answer = lru_cache(REMEMBERED)(final_answer)
        self.equal = lru_cache(REMEMBERED)(self._equal)
        assert self.equal("1/2", "0.5"), "math-verify does not find 1/2 equal to 0.5"

    def __call__(self, pairs: Sequence[Pair]) -> tuple[list[bool], set[str]]:
        return [self.equal(self.answer(a), self.answer(b)) for a, b in pairs], set()

    def _equal(self, a: str | None, b: str | None) -> bool:
        return a == b or bool(a and b and self.is_read(a) and self.is_read(b) and self._verdict(a, b))

    def _is_read(self, answer: str) -> bool:
        try:
            return self._verdict(answer, answer)
        except NoGoldError:
            return False

    def _verdict(self, a: str, b: str) -> bool:
        return bool(self.grader(a, f"\\boxed{{{b}}}", SECONDS))

    def rest(self) -> None:
        """Nothing to do: it uses no GPU memory."""
