"""Gets the features of one batch, from the feature service or from the trainer's own data."""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from dqo_verl.core.features import Features
from dqo_verl.core.keys import ResponseKey
from dqo_verl.core.placements import Http
from dqo_verl.core.sources import Embeddings, Model, Source, Texts
from dqo_verl.streaming.service import FeatureService
from dqo_verl.streaming.stream import counted


class Batch(Protocol):
    """The responses of one update, as a trainer holds them."""

    @property
    def keys(self) -> Sequence[ResponseKey]: ...

    def texts(self, keys: Sequence[ResponseKey]) -> list[str]:
        """The parts of the responses that are compared."""

    def log_probs(self) -> tuple[Tensor, Tensor]:
        """The policy's log-probability of each response, and its number of tokens."""


def collect(
    batch: Batch, source: Source, service: FeatureService | None, compared: Tensor
) -> tuple[Features, dict[str, float], float]:
    """The features of a batch, metrics, and the seconds that the service worked.

    Responses that are not `compared` do not count.
    """
    keys = batch.keys
    if source.reads == "nothing":
        return Features(keys), {}, 0.0
    if not isinstance(source, Model):
        unmeasured = {"diversity/truncated/frac": 0.0, "diversity/streamed/frac": 0.0}
        texts = batch.texts(keys)
        if isinstance(source, Texts):
            return source.of_texts(texts), unmeasured, 0.0
        log_probs, lengths = batch.log_probs()
        return Features(texts, log_probs=log_probs, lengths=lengths), unmeasured, 0.0
    assert service is not None
    among = [key for key, counts in zip(keys, compared.tolist(), strict=True) if counts]
    answer = service.collect(keys, batch.texts, among)
    metrics = {"diversity/streamed/frac": answer.streamed / len(keys), **counted(answer.counts)}
    # an embedding server does not say what it cut
    if not (isinstance(source.placement, Http) and isinstance(source, Embeddings)):
        metrics["diversity/truncated/frac"] = answer.truncated / len(keys)
    features = source.features(keys, compared, answer.identities, torch.from_numpy(answer.values))
    return features, metrics, answer.work_seconds
