"""GSM8K: 1 if the number after `####` is the right one, else 0.

`method=strict` requires the `####`; `method=flexible` takes the last number of the text. Numbers are compared as numbers
(18, 18.00 and $18 are equal), whereas verl's own rule compares texts. The whole text is read, whereas verl's rule reads the
last 300 characters: noise after the answer does not lower the reward here, and `characters_after_answer` measures it.
"""

import re
from typing import Any

from dqo_verl.core.final_answer import AFTER_HASHES, NUMBER, characters_after_answer, value_of
from dqo_verl.errors import UserError
from dqo_verl.rewards.queries import reward_func_of

PATTERNS = {"strict": AFTER_HASHES, "flexible": re.compile(f"({NUMBER})")}


def check(method: str = "strict") -> None:
    """Called before a run of verl starts."""
    if method not in PATTERNS:
        raise UserError(f"reward_kwargs.method={method} is not known. Choose one of: {', '.join(PATTERNS)}")


def compute_score(
    data_source: str, solution_str: str, ground_truth: str, extra_info: Any = None, method: str = "strict", **_: Any
) -> dict[str, float]:
    check(method)
    if not re.fullmatch(NUMBER, ground_truth):
        raise ValueError(f"the ground truth {ground_truth!r} is not a number: is this row of the data from GSM8K?")
    found = PATTERNS[method].findall(solution_str)
    correct = float(bool(found) and value_of(found[-1]) == value_of(ground_truth))
    return {"score": correct, "acc": correct, "characters_after_answer": float(characters_after_answer(solution_str))}


# as OpenRLHF calls it
reward_func = reward_func_of(compute_score)
