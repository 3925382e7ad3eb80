"""The estimators that verl calls for `algorithm.adv_estimator=dqo|darling`: shape the rewards, then ask the base estimator."""

import time
from collections.abc import Sequence
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from dqo_verl.core.shaping import shape
from dqo_verl.integrations.verl import seam, services
from dqo_verl.integrations.verl.bases import ACROSS_GROUPS
from dqo_verl.integrations.verl.features import Batch, collect
from dqo_verl.integrations.verl.launch import settings_of
from dqo_verl.integrations.verl.sessions import Sessions


def compute_advantage(
    token_level_rewards: Tensor, response_mask: Tensor, index: Any, config: Any
) -> tuple[Tensor, Tensor]:
    """Advantages and returns for verl. Rewards already hold KL if `algorithm.use_kl_in_reward` is on; quality never does."""
    step = seam.current_step()
    settings = settings_of(config)
    keys = list(step.batch.keys)
    values = step.fetch(keys, "values").to_padded_tensor()["values"] if settings.base == "gae" else None

    def base(rewards: Tensor) -> tuple[Tensor, Tensor]:
        return seam.base_advantage(settings.base, rewards, response_mask, index, keys, config, values)

    if settings.measure.reads == "nothing":
        return base(token_level_rewards)

    started = time.perf_counter()
    sessions = Sessions.read(keys, step.batch.tags)
    scores = (
        step.fetch(keys, "rm_scores").to_padded_tensor()["rm_scores"]
        if config.use_kl_in_reward
        else token_level_rewards
    )
    quality = scores.sum(dim=-1)[sessions.final_row]
    batch = Batch(step, sessions, settings)
    _refuse_non_finite(quality, batch)
    features, collected = collect(batch, services.features, settings.combine.takes_part(quality))
    shaped = shape(quality, sessions.uids, features, settings)
    step.metrics.update(shaped.metrics | collected | reported(step, sessions))
    step.metrics["diversity/missing_responses"] = asked_for(step.trainer.config) - len(quality)
    step.metrics["timing_s/diversity"] = time.perf_counter() - started

    if settings.changes_nothing:
        return base(token_level_rewards)
    rewards = add_at_last_token(token_level_rewards, response_mask, sessions.broadcast(shaped.to_reward))
    advantages, returns = base(rewards)
    advantages = advantages + sessions.broadcast(shaped.to_advantage).unsqueeze(-1) * response_mask
    if settings.base not in ACROSS_GROUPS:
        compared = sessions.broadcast(has_siblings(sessions.uids)).unsqueeze(-1)
        advantages, returns = advantages * compared, returns * compared
    return advantages, returns


def reported(step: seam.Step, sessions: Sessions) -> dict[str, float]:
    """Means of what the reward function returned beside the score (`acc`, ...), which verl shows in validation only."""
    keys = [step.batch.keys[row] for row in sessions.final_row.tolist()]
    values: dict[str, list[float]] = {}
    for extra in step.fetch(keys, "extra_fields").pop("extra_fields").tolist():
        for name, value in extra.get("reward_extra_info", {}).items():
            if isinstance(value, Real) and name != "score":
                values.setdefault(name, []).append(float(value))
    return {f"reward/{name}/mean": sum(found) / len(found) for name, found in values.items()}


def asked_for(config: Any) -> int:
    """Responses of one update. verl logs a reward function that raises, and trains on without that response."""
    updates = config.trainer.v1.get(config.trainer.v1.trainer_mode, {}).get("parameter_sync_step", 1)
    return int(config.data.train_batch_size // updates * config.actor_rollout_ref.rollout.n)


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
