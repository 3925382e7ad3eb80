"""The estimators that verl calls for `algorithm.adv_estimator=dqo|darling`: shape the rewards, then ask the base estimator."""

import time
from collections.abc import Hashable, Sequence
from functools import cached_property
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from dqo_verl.core.classes import first_member
from dqo_verl.core.settings import ACROSS_GROUPS, Settings
from dqo_verl.core.shaping import shape
from dqo_verl.integrations.verl import seam, services
from dqo_verl.integrations.verl.launch import settings_of
from dqo_verl.integrations.verl.sessions import Sessions
from dqo_verl.models.hub import compared
from dqo_verl.streaming.service import FeatureService
from dqo_verl.streaming.stream import Collected


class BatchFeatures:
    """Features of one batch's sessions, collected when a measure asks for them (see `dqo_verl.core.shaping.Features`)."""

    def __init__(self, step: seam.Step, sessions: Sessions, service: FeatureService | None, settings: Settings):
        self.step, self.sessions, self.service, self.settings = step, sessions, service, settings
        self.truncated, self.work_seconds, self.streamed = 0, 0.0, 0

    def text_of(self, names: Sequence[str]) -> list[str]:
        """What the model wrote in these sessions, fetched from the TransferQueue; a mask leaves out what tools returned."""
        row_of = dict(zip(self.sessions.names, self.sessions.final_row.tolist(), strict=True))
        data = self.step.fetch([self.step.batch.keys[row_of[name]] for name in names], "responses", "response_mask")
        decode = self.step.trainer.tokenizer.decode
        return [
            compared(decode(ids[mask.bool()], skip_special_tokens=True), self.settings)
            for ids, mask in zip(data["responses"].unbind(), data["response_mask"].unbind(), strict=True)
        ]

    @cached_property
    def _texts(self) -> list[str]:
        return self.text_of(self.sessions.names)

    def texts(self) -> Sequence[str]:
        return self._texts

    @cached_property
    def _identities(self) -> Sequence[Hashable]:
        if self.service is None:
            return self._texts
        identities, self.streamed = self.service.ensure(self.sessions.names, self.text_of)
        return identities

    def identities(self) -> Sequence[Hashable]:
        return self._identities

    def log_probs(self) -> tuple[Tensor, Tensor]:
        keys = [self.step.batch.keys[row] for row in self.sessions.final_row.tolist()]
        data = self.step.fetch(keys, "old_log_probs", "response_mask").to_padded_tensor()
        mask = data["response_mask"].float()
        return (data["old_log_probs"] * mask).sum(dim=-1), mask.sum(dim=-1)

    def _take(self, collected: Collected) -> Any:
        self.truncated += collected.truncated
        self.work_seconds += collected.work_seconds
        return collected.values

    @cached_property
    def _embeddings(self) -> Tensor:
        assert self.service is not None
        self.identities()  # submits what was not streamed
        return torch.tensor(self._take(self.service.embeddings(self.sessions.names, self.text_of)))

    def embeddings(self) -> Tensor:
        return self._embeddings

    def same(self, rows: Tensor) -> Tensor:
        if self.settings.classifier is None:
            embeddings = self._embeddings[rows]
            blank = ~embeddings.any(dim=-1)
            same = (embeddings @ embeddings.mT > self.settings.cosine_threshold) | (
                blank[..., None] & blank[..., None, :]
            )
            if self.settings.rule == "components":
                return same
            labels = self._first_members(same, rows)
        else:
            assert self.service is not None
            self.identities()
            groups = [[self.sessions.names[row] for row in group] for group in rows.tolist()]
            labels = torch.tensor(self._take(self.service.labels(groups, self.text_of)))
        return labels[..., :, None] == labels[..., None, :]

    def _first_members(self, same: Tensor, rows: Tensor) -> Tensor:
        """Labels `(g, k)` of the greedy rule, which depends on the order: that of the sessions, not of verl's balanced batch."""
        session = torch.tensor([int(name.rsplit("_", 1)[1]) for name in self.sessions.names])[rows]
        order = session.argsort(dim=-1)
        group = torch.arange(len(rows))[:, None, None]
        in_order = same[group, order[:, :, None], order[:, None, :]]
        labels = torch.tensor([first_member(matrix) for matrix in in_order.tolist()])
        return torch.empty_like(labels).scatter(-1, order, labels)


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

    if settings.diversity == "none":
        return base(token_level_rewards)

    started = time.perf_counter()
    sessions = Sessions.read(keys, step.batch.tags)
    scores = (
        step.fetch(keys, "rm_scores").to_padded_tensor()["rm_scores"]
        if config.use_kl_in_reward
        else token_level_rewards
    )
    quality = scores.sum(dim=-1)[sessions.final_row]
    features = BatchFeatures(step, sessions, services.features, settings)
    _refuse_non_finite(quality, sessions, features)
    shaped = shape(quality, sessions.uids, features, settings)
    step.metrics.update(shaped.metrics | reported(step, sessions))
    step.metrics["diversity/missing_responses"] = asked_for(step.trainer.config) - len(quality)
    if settings.placement != "http" or settings.reads == "classes":  # a server of embeddings does not say what it cut
        step.metrics["diversity/truncated/frac"] = features.truncated / len(quality)
    step.metrics["diversity/streamed/frac"] = features.streamed / len(quality)
    step.metrics["timing_s/diversity"] = time.perf_counter() - started
    step.metrics["timing_s/diversity_work"] = features.work_seconds

    if settings.changes_nothing:
        return base(token_level_rewards)
    rewards = add_at_last_token(token_level_rewards, response_mask, sessions.broadcast(shaped.reward - quality))
    advantages, returns = base(rewards)
    advantages = advantages + sessions.broadcast(shaped.bonus).unsqueeze(-1) * response_mask
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


def _refuse_non_finite(quality: Tensor, sessions: Sessions, features: BatchFeatures) -> None:
    bad = (~quality.isfinite()).nonzero().flatten().tolist()
    if bad:
        raise FloatingPointError(
            f"The reward of response {sessions.names[bad[0]]} is {quality[bad[0]].item()} ({len(bad)} such in this step). "
            f"The reward function returned it for the text {features.texts()[bad[0]][:200]!r}"
        )
