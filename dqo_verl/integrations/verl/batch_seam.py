"""Hooks for verl's trainers that hold the batch themselves: fully asynchronous, one step off policy, and the one before V1.

All of them call `ray_trainer.compute_advantage` with a batch that contains the responses. Features are computed then, and not
streamed: the agent loop does not tell the samples of a prompt apart, so a response has no key while verl generates.
"""

import dataclasses
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

from torch import Tensor

from dqo_verl.core.methods import METHODS
from dqo_verl.integrations.verl.step import Step, is_known, working_on
from dqo_verl.integrations.wrapping import wrap

# column of the V1 trainer's TransferQueue -> its name in the batch
COLUMNS = {"rm_scores": "token_level_scores"}

# the trainer of this process, which verl does not pass to compute_advantage
_trainer: Any = None
# our metrics of the latest step, until verl collects the step's metrics
_metrics: dict[str, Any] = {}
# the current step's response mask before rollout correction; empty if verl does not call it
_written: list[Tensor] = []


@dataclasses.dataclass(frozen=True)
class BatchStep(Step):
    """One call of `ray_trainer.compute_advantage`."""

    # a verl.DataProto
    data: Any
    # verl's own compute_advantage
    compute: Callable[..., Any]
    # 1 for each token that the model wrote, even if `algorithm.rollout_correction` has rejected it
    written_mask: Tensor

    @property
    def expected(self) -> None:
        return None

    def _rows(self, keys: Sequence[str]) -> list[int]:
        row_of = {key: row for row, key in enumerate(self.keys)}
        return [row_of[key] for key in keys]

    def column(self, name: str, keys: Sequence[str]) -> Tensor:
        values: Tensor = self.written_mask if name == "response_mask" else self.data.batch[COLUMNS.get(name, name)]
        return values[self._rows(keys)]

    def written(self, keys: Sequence[str]) -> list[Tensor]:
        ids, mask = self.column("responses", keys), self.column("response_mask", keys).bool()
        return [row[counts] for row, counts in zip(ids, mask, strict=True)]

    def reported(self, keys: Sequence[str]) -> list[Mapping[str, Any]]:
        names = self.data.meta_info.get("reward_extra_keys", [])
        return [{name: self.data.non_tensor_batch[name][row] for name in names} for row in self._rows(keys)]

    def base_advantage(self, base: str, rewards: Tensor, mask: Tensor, index: Any) -> tuple[Tensor, Tensor]:
        from tensordict import TensorDict
        from verl.protocol import DataProto

        columns = {"token_level_rewards": rewards, "response_mask": mask}
        if base == "gae":
            columns["values"] = self.data.batch["values"]
        config = self.trainer.config.algorithm
        data = self.compute(
            DataProto(batch=TensorDict(columns, batch_size=len(rewards)), non_tensor_batch={"uid": index}),
            adv_estimator=base,
            gamma=config.gamma,
            lam=config.lam,
            num_repeat=self.trainer.config.actor_rollout_ref.rollout.n,
            norm_adv_by_std_in_grpo=config.get("norm_adv_by_std_in_grpo", True),
            config=config,
        )
        return data.batch["advantages"], data.batch["returns"]


def keys_of(uids: Sequence[str]) -> list[str]:
    """A key for each row: the rows of a prompt are numbered in the order of the batch."""
    seen: Counter[str] = Counter()
    keys = []
    for uid in uids:
        keys.append(f"{uid}_{seen[uid]}_0")
        seen[uid] += 1
    return keys


def hook_trainer(module: ModuleType, start: Callable[[Any], None]) -> None:
    """Hook `RayPPOTrainer`, and `compute_advantage`, which all of these trainers import from its module."""

    def compute_advantage(original: Any, data: Any, adv_estimator: Any, *args: Any, **kwargs: Any) -> Any:
        # the V1 trainer calls this function, too, and so does `base_advantage`
        from_v1 = is_known() or kwargs.get("kv_meta") is not None
        if from_v1 or str(adv_estimator) not in METHODS:
            return original(data, adv_estimator, *args, **kwargs)
        keys = keys_of(data.non_tensor_batch["uid"])
        _metrics.clear()
        written = _written.pop() if _written else data.batch["response_mask"]
        with working_on(BatchStep(_trainer, _metrics, keys, [{}] * len(keys), data, original, written)):
            return original(data, adv_estimator, *args, **kwargs)

    wrap(module, "compute_advantage", compute_advantage)
    _start_before(module, "RayPPOTrainer.init_workers", start)


def hook_separate(module: ModuleType, start: Callable[[Any], None]) -> None:
    """Hook the base of the trainers whose rollout has its own GPUs. All of them call `_init_resource_pools` first."""
    _start_before(module, "SeparateRayPPOTrainer._init_resource_pools", start)


def _start_before(module: ModuleType, method: str, start: Callable[[Any], None]) -> None:
    def begin(original: Any, trainer: Any) -> Any:
        global _trainer
        _trainer = trainer
        start(trainer.config)
        return original(trainer)

    wrap(module, method, begin)


def hook_rejection(module: ModuleType) -> None:
    """Keep the response mask, which rollout correction overwrites just before verl computes advantages."""

    def correct(original: Any, batch: Any, *args: Any, **kwargs: Any) -> Any:
        if _trainer is not None:
            _written[:] = [batch.batch["response_mask"].clone()]
        return original(batch, *args, **kwargs)

    wrap(module, "compute_rollout_correction_and_add_to_batch", correct)


def hook_metrics(module: ModuleType) -> None:
    """Add our metrics to `compute_data_metrics`, which each of these trainers calls after a step's advantages."""

    def compute_data_metrics(original: Any, *args: Any, **kwargs: Any) -> Any:
        metrics = original(*args, **kwargs) | _metrics
        _metrics.clear()
        return metrics

    wrap(module, "compute_data_metrics", compute_data_metrics)
