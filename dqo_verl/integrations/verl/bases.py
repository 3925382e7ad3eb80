"""Which of verl's estimators can be a base, and which of them do not compare within groups."""

from collections.abc import Collection

from dqo_verl.core.methods import METHODS
from dqo_verl.core.spelling import Spelling
from dqo_verl.errors import UserError

# verl 0.9.1's V1 trainer never fetches what these need (they also fail in plain verl)
UNUSABLE_BASES = {
    "gdpo": "per-dimension rewards",
    "remax": "a greedy baseline rollout",
    "optimal_token_baseline": "sum_pi_squared",
    "tir_optimal_token_baseline": "sum_pi_squared",
}
# bases that do not subtract a group's mean: a prompt with a single response still has a signal
ACROSS_GROUPS = ("gae", "reinforce_plus_plus")

# verl does not hand them algorithm.norm_adv_by_std_in_grpo
ALWAYS_DIVIDE = ("grpo_vectorized",)


def check_base(base: str, bases: Collection[str], spelling: Spelling) -> None:
    """Refuse a base that is not registered in verl, or whose inputs verl does not fetch."""
    usable = f"Choose one of: {', '.join(sorted(set(bases) - UNUSABLE_BASES.keys() - METHODS.keys()))}."
    if base in METHODS:
        raise UserError(f"{spelling('base', base)} cannot be based on itself. {usable}")
    if base not in bases:
        raise UserError(f"{spelling('base', base)} is not registered in verl. {usable}")
    if base in UNUSABLE_BASES:
        raise UserError(f"base={base} needs {UNUSABLE_BASES[base]}, which verl's V1 trainer does not fetch. {usable}")
