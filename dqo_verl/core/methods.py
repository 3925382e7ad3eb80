"""The named methods, which are presets of settings. What stays of them beside a typed measure: `settings.parse`."""

from typing import Any

METHODS: dict[str, dict[str, Any]] = {
    # r + alpha d, on GRPO, or on PPO with base=gae: arXiv 2509.04784
    "dqo": {"measure": "dpp"},
    # q * v, on GRPO without std division: arXiv 2509.02534
    "darling": {"measure": "partition"},
    # q * mean distance to the others: DARLING without classes, hence without a classifier and a threshold
    "darling_soft": {"measure": "pairwise", "combine": "multiply"},
    # DQO among the responses with a reward above the mean, in units of the reward gap: no setting depends on the reward's scale
    "diverse": {"measure": "dpp", "gate": "mean", "unit": "gap", "alpha": 2.0},
    # without diversity, on a base that subtracts the group's mean and does not divide by the std: arXiv 2602.02710, 2505.15201,
    # 2508.10751, 2602.06717
    "maxrl": {"measure": "none", "credit": "maxrl"},
    "pkpo": {"measure": "none", "credit": "pkpo"},
    "pass_training": {"measure": "none", "credit": "pass_training"},
    "focal": {"measure": "none", "credit": "focal"},
    # advantage / |class|^alpha: arXiv 2601.08763
    "uniqueness": {"measure": "uniqueness"},
}
