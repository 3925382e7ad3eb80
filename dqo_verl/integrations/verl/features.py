"""Collects what the measure reads from one of verl's batches."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from dqo_verl.core.features import Features
from dqo_verl.core.keys import ResponseKey
from dqo_verl.core.settings import Settings
from dqo_verl.core.sources import Model
from dqo_verl.integrations.verl.sessions import Sessions
from dqo_verl.integrations.verl.step import Step
from dqo_verl.streaming import collect as streaming
from dqo_verl.streaming.service import FeatureService


@dataclass(frozen=True)
class Batch:
    """The responses of one step, one per session."""

    step: Step
    sessions: Sessions
    settings: Settings

    @property
    def keys(self) -> Sequence[ResponseKey]:
        return self.sessions.keys

    def rows_of(self, keys: Sequence[ResponseKey]) -> list[str]:
        """verl's key for the last output of each session."""
        row_of = dict(zip(self.sessions.keys, self.sessions.final_row.tolist(), strict=True))
        return [self.step.keys[row_of[key]] for key in keys]

    def texts(self, keys: Sequence[ResponseKey]) -> list[str]:
        """What the model wrote in each session."""
        decode = self.step.trainer.tokenizer.decode
        return [
            self.settings.source.compared(decode(ids, skip_special_tokens=True))
            for ids in self.step.written(self.rows_of(keys))
        ]

    def log_probs(self) -> tuple[Tensor, Tensor]:
        rows = self.rows_of(self.sessions.keys)
        mask = self.step.column("response_mask", rows).float()
        return (self.step.column("old_log_probs", rows) * mask).sum(dim=-1), mask.sum(dim=-1)


def collect(batch: Batch, service: FeatureService | None, compared: Tensor) -> tuple[Features, dict[str, float]]:
    """The features of a batch, and metrics."""
    if service is None and isinstance(batch.settings.source, Model):
        raise RuntimeError(
            "The feature workers were not started: dqo_verl starts them in verl's PPOTrainer.init, RayPPOTrainer.init_workers "
            "or _init_resource_pools, and this trainer calls none of these. If it overrides one, call super() there."
        )
    features, metrics, work_seconds = streaming.collect(batch, batch.settings.source, service, compared)
    return features, metrics | {"timing_s/diversity_work": work_seconds}
