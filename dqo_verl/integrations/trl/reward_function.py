"""Diversity as one reward function, for AsyncGRPOTrainer and for other libraries that call `f(prompts, completions, ...)`."""

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch

from dqo_verl.core.announcement import Trainer, announcement
from dqo_verl.core.settings import Settings
from dqo_verl.core.target import target_of
from dqo_verl.errors import UserError
from dqo_verl.integrations.trl.diversity import Diversity
from dqo_verl.integrations.trl.features import ALONE, BatchFeatures
from dqo_verl.integrations.trl.shaping import said, shape_batch

# AsyncGRPOTrainer calls the reward function from several threads
LOADING = threading.Lock()


class DiverseReward:
    """`DiverseReward(quality, diversity, num_generations=8)` returns `r + alpha d`, or the method's formula of r and d.

    Every call must contain whole groups, side by side. A trainer with several processes may split them; such a call is refused.
    DiverseReward changes rewards only: `scale='decoupled'` needs `with_diversity(GRPOTrainer)`. The first call loads the model,
    in the process that scores.
    """

    def __init__(self, quality: Callable[..., Any], diversity: Diversity, num_generations: int):
        self.quality, self.group_size, self.diversity = quality, num_generations, diversity
        settings = self.settings
        if not settings.is_raw:
            raise UserError(
                "A reward function cannot change the advantages: scale='decoupled' and combine='weigh' need "
                "with_diversity(GRPOTrainer)."
            )
        if target_of(settings):
            raise UserError(
                "target changes alpha after each update, and a reward function does not know when one ends: target needs "
                "with_diversity(GRPOTrainer)."
            )
        settings.credit.refuse_too_few(num_generations, f"num_generations={num_generations}")
        # TRL's name for the reward's column
        self.__name__ = getattr(quality, "__name__", type(quality).__name__)
        self.features: BatchFeatures | None = None
        trainer = Trainer(num_generations, "num_generations", compares_within=True, divides_by_std=None)
        print("\n".join(announcement(settings, trainer)), flush=True)

    @property
    def settings(self) -> Settings:
        return self.diversity.on("the trainer's estimator")

    def __call__(self, prompts: Sequence[Any], completions: Sequence[Any], **kwargs: Any) -> list[float | None]:
        self._refuse_split_groups(prompts)
        rewards = self.quality(prompts=prompts, completions=completions, **kwargs)
        if inspect.isawaitable(rewards):
            rewards = _wait_for(rewards)
        quality = torch.tensor([float("nan") if reward is None else float(reward) for reward in rewards])
        if self.settings.reads_nothing:
            return list(rewards)
        with LOADING:
            self.features = self.features or BatchFeatures(self.settings, ALONE)
        texts = [said(completion) for completion in completions]
        shaped = shape_batch(quality, texts, self.group_size, self.features, self.settings)
        if log_metric := kwargs.get("log_metric"):
            log_metric("quality/mean", quality.nanmean().item())
            for name, value in shaped.metrics.items():
                log_metric(name, value)
        return [None if reward != reward else reward for reward in (quality + shaped.to_reward).tolist()]

    def _refuse_split_groups(self, prompts: Sequence[Any]) -> None:
        k = self.group_size
        if len(prompts) % k or any(prompts[i] != prompts[i - i % k] for i in range(len(prompts))):
            raise UserError(
                f"DiverseReward compares the {k} responses to a prompt (num_generations={k}), but this call does not hold "
                "whole groups, side by side. With several processes, make per_device_train_batch_size * "
                "steps_per_generation a multiple of num_generations, or use with_diversity(GRPOTrainer). In evaluation, "
                "num_generations_eval and per_device_eval_batch_size must fit in the same way."
            )


def _wait_for(rewards: Awaitable[Any]) -> Any:
    """The result of an asynchronous reward function, even if this thread has a running event loop, as in a notebook."""

    async def result() -> Any:
        return await rewards

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, result()).result()
