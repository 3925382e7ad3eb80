"""Diversity for TRL's trainers.

    from dqo_verl.trl import Diversity, with_diversity

    trainer = with_diversity(GRPOTrainer)(..., reward_funcs=quality, diversity=Diversity("dqo", alpha=1.0))

docs/trl.md has the rest.
"""

from dqo_verl.integrations.trl.diversity import Diversity
from dqo_verl.integrations.trl.reward_function import DiverseReward
from dqo_verl.integrations.trl.trainer import with_diversity

__all__ = ["DiverseReward", "Diversity", "with_diversity"]
