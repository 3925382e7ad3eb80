"""The methods that have a name of their own. What is typed wins over what is set here."""

from typing import Any

METHODS: dict[str, dict[str, Any]] = {
    # r + alpha d, on GRPO, or on PPO with base=gae: arXiv 2509.04784
    "dqo": {"measure": "dpp"},
    # q * v, on GRPO without std division: arXiv 2509.02534
    "darling": {"measure": "partition"},
}
