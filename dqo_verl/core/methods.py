"""The methods that have a name of their own: presets of settings. A measure that is typed replaces all of them."""

from typing import Any

METHODS: dict[str, dict[str, Any]] = {
    # r + alpha d, on GRPO, or on PPO with base=gae: arXiv 2509.04784
    "dqo": {"measure": "dpp"},
    # q * v, on GRPO without std division: arXiv 2509.02534
    "darling": {"measure": "partition"},
    # DQO among the better responses alone, in units of what is at stake: nothing to choose, whatever the reward
    "diverse": {"measure": "dpp", "gate": "mean", "unit": "gap", "alpha": 2.0},
}
