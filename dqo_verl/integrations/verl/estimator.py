"""The estimators that verl calls for `algorithm.adv_estimator=dqo|darling`: shape the rewards, then ask the base estimator."""

import time
from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dqo_verl.core.shaping import shape
from dqo_verl.integrations.verl import services
from dqo_verl.integrations.verl.bases import ACROSS_GROUPS
from dqo_verl.integrations.verl.features import Batch, collect
from dqo_verl.integrations.verl.launch import settings_of
from dqo_verl.integrations.verl.sessions import Sessions
from dqo_verl.integrations.verl.step import Step, current_step
from dqo_verl.integrations.verl.target import keep, target_in


def compute_advantage(
    token_level_rewards: Tensor, response_mask: Tensor, index: Any, config: Any
) -> tuple[Tensor, Tensor]:
    """Advantages and returns for verl. Rewards already hold KL if `algorithm.use_kl_in_reward` is on; quality never does."""
    step = current_step()
    settings = settings_of(config)

    def base(rewards: Tensor) -> tuple[Tensor, Tensor]:
        return step.base_advantage(settings.base, rewards, response_mask, index)

    if settings.reads_nothing:
        return base(token_level_rewards)

    started = time.perf_counter()
    sessions = Sessions.read(step.keys, step.tags)
    scores = step.column("rm_scores", step.keys) if config.use_kl_in_reward else token_level_rewards
    quality = scores.sum(dim=-1)[sessions.final_row]
    batch = Batch(step, sessions, settings)
    _refuse_non_finite(quality, batch)
    features, collected = collect(batch, services.features, settings.combine.takes_part(quality))
    target = target_in(step.trainer, settings)
    shaped = shape(quality, sessions.uids, features, target.settings if target else settings)
    if target:
        step.metrics.update(target.follow(quality, sessions.uids, features))
        keep(target, step.trainer)
    step.metrics.update(shaped.metrics | collected | reported(step, sessions))
    if step.expected is not None:
        step.metrics["diversity/missing_responses"] = step.expected - len(quality)
    step.metrics["timing_s/diversity"] = time.perf_counter() - started

    if settings.changes_nothing:
        return base(token_level_rewards)
    rewards = add_at_last_token(token_level_rewards, response_mask, sessions.broadcast(shaped.to_reward))
    advantages, returns = base(rewards)
    factor = sessions.broadcast(shaped.factor).unsqueeze(-1)
    advantages = advantages * factor + sessions.broadcast(shaped.to_advantage).unsqueeze(-1) * response_mask
    if settings.base not in ACROSS_GROUPS:
        compared = sessions.broadcast(has_siblings(sessions.uids)).unsqueeze(-1)
        advantages, returns = advantages * compared, returns * compared
    return advantages, returns


def reported(step: Step, sessions: Sessions) -> dict[str, float]:
    """Means of what the reward function returned beside the score (`acc`, ...), which verl shows in validation only."""
    values: dict[str, list[float]] = {}
    for extra in step.reported([step.keys[row] for row in sessions.final_row.tolist()]):
        for name, said in extra.items():
            value = said.item() if isinstance(said, np.generic) else said
            if isinstance(value, Real) and name != "score":
                values.setdefault(name, []).append(float(value))
    return {f"reward/{name}/mean": sum(found) / len(found) for name, found in values.items()}


def add_at_last_token(rewards: Tensor, mask: Tensor, added: Tensor) -> Tensor:
    """`added` (one number per row) on the last token that the model wrote.

    On the first token of a row whose mask is all zero, as rejection by `algorithm.rollout_correction` leaves it: no token of it
    is trained, but verl's estimators still count its reward in its group's mean.
    """
    positions = torch.arange(mask.shape[-1]).expand_as(mask)
    last = (positions * mask.bool()).amax(dim=-1)
    result = rewards.clone()
    result[torch.arange(len(rewards)), last] += added
    return result


def has_siblings(uids: Sequence[str]) -> Tensor:
    """1 for a response whose prompt has others, 0 for one alone: verl's GRPO would give it its raw reward as advantage."""
    counts: dict[str, int] = {}
    for uid in uids:
        counts[uid] = counts.get(uid, 0) + 1
    return torch.tensor([float(counts[uid] > 1) for uid in uids])


def _refuse_non_finite(quality: Tensor, batch: Batch) -> None:
    bad = (~quality.isfinite()).nonzero().flatten().tolist()
    if bad:
        culprit = batch.sessions.keys[bad[0]]
        raise FloatingPointError(
            f"The reward of response {culprit} is {quality[bad[0]].item()} ({len(bad)} such in this step). "
            f"The reward function returned it for the text {batch.texts([culprit])[0][:200]!r}"
        )
