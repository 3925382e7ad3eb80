"""What the measure reads of one batch of verl's."""

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
    """One step's responses, by session."""

    step: Step
    sessions: Sessions
    settings: Settings

    @property
    def keys(self) -> Sequence[ResponseKey]:
        return self.sessions.keys

    def rows_of(self, keys: Sequence[ResponseKey]) -> list[str]:
        """verl's keys of the last outputs of these sessions."""
        row_of = dict(zip(self.sessions.keys, self.sessions.final_row.tolist(), strict=True))
        return [self.step.keys[row_of[key]] for key in keys]

    def texts(self, keys: Sequence[ResponseKey]) -> list[str]:
        """What the model wrote in these sessions."""
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
    """The features of a batch, and numbers for the log."""
    if service is None and isinstance(batch.settings.source, Model):
        raise RuntimeError(
            "The feature workers were never started: this trainer does not call the method of verl's that dqo_verl starts them "
            "from (PPOTrainer.init, RayPPOTrainer.init_workers or _init_resource_pools). Call super() there."
        )
    features, metrics, work_seconds = streaming.collect(batch, batch.settings.source, service, compared)
    return features, metrics | {"timing_s/diversity_work": work_seconds}
