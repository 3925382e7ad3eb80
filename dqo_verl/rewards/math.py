"""Mathematics: 1 if math-verify finds the answer equal to the ground truth, else 0 (as in arXiv 2509.02534).

If math-verify takes too long on a response or dies (`models/grader.py`), the response scores 0 and counts in `timeout`.
"""

import atexit
from importlib.util import find_spec
from typing import Any

from dqo_verl.core.final_answer import characters_after_answer
from dqo_verl.errors import UserError
from dqo_verl.extras import install
from dqo_verl.models.grader import Grader
from dqo_verl.rewards.queries import reward_func_of

grader = Grader()
atexit.register(grader.close)


def check(timeout: float = 10.0) -> None:
    """Called before a run of verl starts."""
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 0 < timeout < float("inf"):
        raise UserError(f"reward_kwargs.timeout={timeout} must be a number of seconds above 0.")
    if find_spec("math_verify") is None:
        raise UserError(f"The reward function math needs math-verify. Type: {install('math')}")


def compute_score(
    data_source: str, solution_str: str, ground_truth: str, extra_info: Any = None, timeout: float = 10.0, **_: Any
) -> dict[str, float]:
    verdict = grader(ground_truth, solution_str, timeout)
    correct = float(bool(verdict))
    return {
        "score": correct,
        "acc": correct,
        "timeout": float(verdict is None),
        "characters_after_answer": float(characters_after_answer(solution_str)),
    }


# as OpenRLHF calls it
reward_func = reward_func_of(compute_score)
