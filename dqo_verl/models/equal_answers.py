"""Which of two final answers are equal as mathematics: a classifier of pairs, without a model."""

from collections.abc import Sequence

from dqo_verl.core.pairs import Pair
from dqo_verl.models.grader import Grader, NoGoldError

# math-verify needs a millisecond for what people write
SECONDS = 5.0


class EqualAnswers:
    """`equal(pairs)` -> whether each is the same, and no text that was cut. What is no mathematics is equal as a text only."""

    def __init__(self) -> None:
        self.grader = Grader()
        assert self.equal("1/2", "0.5"), "math-verify is there"

    def __call__(self, pairs: Sequence[Pair]) -> tuple[list[bool], set[str]]:
        return [self.equal(*pair) for pair in pairs], set()

    def equal(self, a: str, b: str) -> bool:
        try:
            return bool(self.grader(a, f"\\boxed{{{b}}}", SECONDS))
        except NoGoldError:
            return a == b

    def rest(self) -> None:
        """It has no memory of a GPU."""
