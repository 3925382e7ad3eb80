"""What the measure reads of one batch: collected from the feature service, or read from verl's own columns."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dqo_verl.core.features import Features
from dqo_verl.core.keys import ResponseKey
from dqo_verl.core.settings import Settings
from dqo_verl.core.sources import Embeddings, Http, Model
from dqo_verl.integrations.verl.sessions import Sessions
from dqo_verl.integrations.verl.step import Step
from dqo_verl.streaming.service import FeatureService


@dataclass(frozen=True)
class Batch:
    """One step's responses, by session."""

    step: Step
    sessions: Sessions
    settings: Settings

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
        """The policy's log-probability of each response, and its number of tokens."""
        rows = self.rows_of(self.sessions.keys)
        mask = self.step.column("response_mask", rows).float()
        return (self.step.column("old_log_probs", rows) * mask).sum(dim=-1), mask.sum(dim=-1)


def collect(batch: Batch, service: FeatureService | None, compared: Tensor) -> tuple[Features, dict[str, float]]:
    """The features of a batch, and numbers for the log. Responses that are not `compared` take part in nothing."""
    source, keys = batch.settings.source, batch.sessions.keys
    unmeasured = {"diversity/truncated/frac": 0.0, "diversity/streamed/frac": 0.0, "timing_s/diversity_work": 0.0}
    if not isinstance(source, Model):
        texts = batch.texts(keys)
        if source.reads != "log_probs":
            return Features(texts, texts=texts), unmeasured
        log_probs, lengths = batch.log_probs()
        return Features(texts, log_probs=log_probs, lengths=lengths), unmeasured
    if service is None:
        raise RuntimeError(
            "The feature workers were never started: this trainer does not call the method of verl's that dqo_verl starts them "
            "from (PPOTrainer.init, RayPPOTrainer.init_workers or _init_resource_pools). Call super() there."
        )
    among = [key for key, counts in zip(keys, compared.tolist(), strict=True) if counts]
    answer = service.collect(keys, batch.texts, among)
    metrics = {
        "diversity/truncated/frac": answer.truncated / len(keys),
        "diversity/streamed/frac": answer.streamed / len(keys),
        "timing_s/diversity_work": answer.work_seconds,
    }
    if isinstance(source.placement, Http) and isinstance(source, Embeddings):
        del metrics["diversity/truncated/frac"]  # a server of embeddings does not say what it cut
    return source.features(keys, compared, answer.identities, torch.from_numpy(answer.values)), metrics
