"""Shapes the rewards at each update, after OpenRLHF has finished them and before its base estimator compares them.

`compute_advantages_and_returns` first applies length penalties and copies the rewards into its logs; then it compares them.
Only between the two are the whole groups there, with a quality that is final and from which nothing was subtracted.
"""

import contextvars
import inspect
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dqo_verl.core.announcement import PREFIX
from dqo_verl.core.keys import ResponseKey
from dqo_verl.core.settings import Settings
from dqo_verl.core.shaping import Shaped, shape
from dqo_verl.core.sources import Model
from dqo_verl.integrations.openrlhf.rollout import KEY, settings_in, written
from dqo_verl.integrations.openrlhf.target import SteeredRun, steered_run
from dqo_verl.streaming.collect import collect
from dqo_verl.streaming.service import FeatureService


@dataclass(frozen=True)
class Diversity:
    """What dqo_verl adds to one experience maker."""

    settings: Settings
    service: FeatureService | None
    steered: SteeredRun | None


def start(original: Any, maker: Any, *args: Any, **kwargs: Any) -> None:
    """Start our models before OpenRLHF loads its own: a model that cannot be loaded or placed ends the run here."""
    strategy = inspect.signature(original).bind(maker, *args, **kwargs).arguments["strategy"]
    settings = settings_in(strategy.args)
    if settings is not None:
        # the driver set a name that OpenRLHF refuses: a run without our hooks ends, and does not train with the base alone
        strategy.args.algo.advantage.estimator = settings.base
        service = FeatureService(settings.source) if isinstance(settings.source, Model) else None
        if service:
            print(f"{PREFIX} feature workers are up, pid {', '.join(map(str, service.pids))}", flush=True)
        maker._dqo_verl = Diversity(settings, service, steered_run(settings, strategy.args))
    original(maker, *args, **kwargs)


class Rows:
    """The responses of one update in the order of their prompts: OpenRLHF may have mixed them in its microbatches."""

    def __init__(self, experiences: Sequence[Any], group_size: int, tokenizer: Any, settings: Settings):
        self.experiences, self.tokenizer, self.settings = experiences, tokenizer, settings
        self.group_size = group_size
        places = [(position, e, row) for e, one in enumerate(experiences) for row, position in enumerate(one.index)]
        # experience and row of each response
        self.places = [(experiences[e], row) for _, e, row in sorted(places)]
        self.keys = self._keys()

    def _keys(self) -> list[ResponseKey]:
        carried = [one.info.pop(KEY, None) for one in self.experiences]
        if any(keys is None for keys in carried):
            run = uuid.uuid4().hex[:8]
            k = self.group_size
            return [ResponseKey(f"{run}-{i // k}", i % k) for i in range(len(self.places))]
        found = {
            position: ResponseKey(*key)
            for one, keys in zip(self.experiences, carried, strict=True)
            for position, key in zip(one.index, keys, strict=True)
        }
        keys = [found[position] for position in sorted(found)]
        for start in range(0, len(keys), self.group_size):
            if len({key.group for key in keys[start : start + self.group_size]}) > 1:
                raise RuntimeError(
                    "OpenRLHF no longer keeps the responses to a prompt side by side. Use a newer dqo_verl."
                )
        return keys

    @property
    def groups(self) -> list[str]:
        return [key.group for key in self.keys]

    def column(self, name: str) -> Tensor:
        """One number for each response."""
        return torch.stack([getattr(one, name)[row] for one, row in self.places])

    def texts(self, keys: Sequence[ResponseKey]) -> list[str]:
        place = dict(zip(self.keys, self.places, strict=True))
        found = [written(one.sequences[row], one.action_mask[row]) for one, row in (place[key] for key in keys)]
        decode = self.tokenizer.decode
        return [self.settings.source.compared(decode(ids, skip_special_tokens=True)) for ids in found]

    def log_probs(self) -> tuple[Tensor, Tensor]:
        masks = [one.action_mask[row].float() for one, row in self.places]
        sums = [
            (one.action_log_probs[row].float() * mask).sum()
            for (one, row), mask in zip(self.places, masks, strict=True)
        ]
        return torch.stack(sums), torch.stack([mask.sum() for mask in masks])


class Update:
    """One call of `compute_advantages_and_returns`."""

    def __init__(self, maker: Any, experiences: Sequence[Any]):
        self.diversity: Diversity = maker._dqo_verl
        self.group_size = maker.args.rollout.n_samples_per_prompt
        self.rows = Rows(experiences, self.group_size, maker.tokenizer, self.diversity.settings)
        self.maker, self.experiences = maker, experiences
        self.shaped: Shaped | None = None
        self.metrics: dict[str, float] = {}

    def shape(self) -> None:
        """Shape the rewards, after OpenRLHF has logged the final quality."""
        started = time.perf_counter()
        rows, settings, steered = self.rows, self.diversity.settings, self.diversity.steered
        quality = rows.column("rewards")
        # releases before 0.11.2 do not convert integers and bfloat16
        quality = quality.to(torch.promote_types(quality.dtype, torch.float32))
        self._refuse_non_finite(quality)
        compared = settings.combine.takes_part(quality)
        features, collected, seconds = collect(rows, settings.source, self.diversity.service, compared)
        self.shaped = shape(quality, rows.groups, features, steered.settings(self.maker) if steered else settings)
        self.metrics = self.shaped.metrics | collected | {"diversity/work_seconds": seconds}
        if steered:
            self.metrics |= steered.follow(quality, rows.groups, features)
        self.metrics["diversity/seconds"] = time.perf_counter() - started
        if settings.changes_reward:
            rewards = quality + self.shaped.to_reward
            for one in self.experiences:
                one.rewards = rewards[one.index]

    def finish(self) -> None:
        """Change the advantages that OpenRLHF has computed, and add our metrics."""
        assert self.shaped is not None
        settings = self.diversity.settings
        if settings.changes_advantage:
            for one in self.experiences:
                factor, added = (
                    values[one.index].unsqueeze(-1) for values in (self.shaped.factor, self.shaped.to_advantage)
                )
                one.advantages = one.advantages * factor + added * one.action_mask
        if settings.changes_reward:
            self._log_spread_of_quality()
        # OpenRLHF logs the mean of each entry of info over the trained responses
        for one in self.experiences:
            one.info.update({name: torch.full((len(one.index),), value) for name, value in self.metrics.items()})

    def _log_spread_of_quality(self) -> None:
        """Log `group_reward_std` of the quality: OpenRLHF computed it from shaped rewards."""
        quality = torch.stack([one.info["reward"][row] for one, row in self.rows.places])
        quality = quality.to(torch.promote_types(quality.dtype, torch.float32))
        spread = quality.reshape(-1, self.group_size).std(-1).repeat_interleave(self.group_size)
        for one in self.experiences:
            one.info["group_reward_std"] = spread[one.index]

    def _refuse_non_finite(self, quality: Tensor) -> None:
        bad = (~quality.isfinite()).nonzero().flatten().tolist()
        if bad:
            (text,) = self.rows.texts([self.rows.keys[bad[0]]])
            raise FloatingPointError(
                f"The reward of a response is {quality[bad[0]].item()} ({len(bad)} such in this update). It was given for "
                f"the text {text[:200]!r}"
            )


_current: contextvars.ContextVar[Update | None] = contextvars.ContextVar("dqo_verl_update", default=None)


def advantages(original: Any, maker: Any, experiences: Any) -> Any:
    diversity = getattr(maker, "_dqo_verl", None)
    if diversity is None or diversity.settings.reads_nothing:
        return original(maker, experiences)
    update = Update(maker, experiences)
    token = _current.set(update)
    try:
        result = original(maker, experiences)
    finally:
        _current.reset(token)
    update.finish()
    return result


def after_penalties(original: Any, experiences: Any, arguments: Any) -> None:
    original(experiences, arguments)
    update = _current.get()
    if update is not None:
        update.shape()
