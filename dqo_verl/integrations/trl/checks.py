"""Runs before training: refuses TRL settings that make diversity meaningless, and prints notes about what may surprise."""

from typing import Any

from dqo_verl.core.announcement import Trainer, announcement
from dqo_verl.core.settings import Settings
from dqo_verl.errors import UserError

SUM_FIRST = "sum_then_normalize"
# whether rewards are divided by the standard deviation of their group. The config still accepts the booleans of older releases.
DIVIDES = {"group": True, True: True, "none": False, False: False}


def refuse(config: Any, settings: Settings) -> None:
    """`config`: the trainer's GRPOConfig or RLOOConfig."""
    aggregation = _aggregation(config)
    if aggregation != SUM_FIRST and settings.changes_reward:
        decoupled = f", or Diversity(..., {settings.spell('scale', 'decoupled')})"
        instead = decoupled if settings.combine.can_be_decoupled and not settings.has_credit else ""
        raise UserError(
            f"multi_objective_aggregation={aggregation!r} divides each reward by its own standard deviation, also what "
            "dqo_verl adds: it would weigh as much as the reward. Write "
            f"multi_objective_aggregation='sum_then_normalize'{instead}."
        )
    if getattr(config, "reward_clip_range", None) and settings.changes_reward:
        raise UserError(
            f"reward_clip_range={config.reward_clip_range} clips the sum of the reward and what dqo_verl adds: correct responses "
            "would lose their bonus, and wrong ones would keep it. Drop it, and clip in your reward function."
        )
    settings.credit.refuse_too_few(config.num_generations, f"num_generations={config.num_generations}")


def first_lines(config: Any, settings: Settings) -> str:
    # None: never (RLOO), or by another standard deviation
    divides = DIVIDES.get(getattr(config, "scale_rewards", None)) if _aggregation(config) == SUM_FIRST else None
    trainer = Trainer(
        responses=config.num_generations,
        responses_setting="num_generations",
        compares_within=True,
        divides_by_std=divides,
        without_std="scale_rewards='none'",
    )
    return "\n".join(announcement(settings, trainer))


def _aggregation(config: Any) -> Any:
    return getattr(config, "multi_objective_aggregation", SUM_FIRST)
