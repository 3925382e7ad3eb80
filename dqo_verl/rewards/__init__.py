"""Reward functions for verl's `reward.custom_reward_function.path=pkg://dqo_verl.rewards.NAME name=compute_score`.

Each returns the same keys for every response, because verl averages every key in validation: `score` (the reward that is
trained on), and `acc` or `quality` (the same number, which shaping does not change).
"""


def module_of(path: str | None) -> str | None:
    """The module of one of these functions, from verl's path, which may also have slashes; None for any other path."""
    name = (path or "").removeprefix("pkg://").replace("/", ".")
    return name if path != name and name.startswith(f"{__name__}.") else None
