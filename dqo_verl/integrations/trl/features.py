"""Computes what a measure reads: each of the trainer's processes has a copy of the model and takes its share of the groups."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dqo_verl.core.features import Features
from dqo_verl.core.keys import ResponseKey
from dqo_verl.core.placements import Cpu, Http
from dqo_verl.core.settings import Settings
from dqo_verl.core.sources import Model, Texts
from dqo_verl.errors import UserError
from dqo_verl.models.embedder import Embedder
from dqo_verl.models.equal_answers import EqualAnswers
from dqo_verl.models.judge import PROBE, Judge
from dqo_verl.models.servers import refuse_silent
from dqo_verl.streaming.local import LocalModel
from dqo_verl.streaming.stream import counted, total

# processes may run on devices that round differently
TOLERANCE = 0.01


@dataclass(frozen=True)
class Processes:
    """The trainer's processes, which share the batch. `gather` joins their lists in the order of the processes."""

    index: int
    count: int
    gather: Callable[[list[Any]], list[Any]]


ALONE = Processes(0, 1, lambda own: own)


def all_processes() -> Processes:
    """The processes that accelerate runs."""
    from accelerate import PartialState
    from accelerate.utils import gather_object

    state = PartialState()
    return Processes(state.process_index, state.num_processes, gather_object)


def device() -> str:
    """The device that accelerate gives this process."""
    from accelerate import PartialState

    return str(PartialState().device)


@contextmanager
def whole_weights() -> Iterator[None]:
    """Inside, transformers loads all weights in every process.

    With FSDP or ZeRO-3 it otherwise loads every model as it loads the policy: with zeros except in one process, or in shards.
    """
    from transformers.integrations import deepspeed

    name = "FSDP_CPU_RAM_EFFICIENT_LOADING"
    efficient, sharded = os.environ.pop(name, None), deepspeed._hf_deepspeed_config_weak_ref
    deepspeed.unset_hf_deepspeed_config()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        deepspeed._hf_deepspeed_config_weak_ref = sharded
        if efficient is not None:
            os.environ[name] = efficient


class BatchFeatures:
    """Call it in every process with the whole batch: one process computes all responses to a prompt."""

    def __init__(self, settings: Settings, processes: Processes):
        self.source, self.processes = settings.source, processes
        self.model: LocalModel | None = None
        if isinstance(self.source, Model):
            place = self.source.placement
            if isinstance(place, Http):
                refuse_silent(place.urls, lambda _: settings.spell("urls", list(place.urls)))
            with whole_weights():
                self.model = LocalModel(self.source, "cpu" if isinstance(place, Cpu) else device())
            if not isinstance(self.model.model, Judge | EqualAnswers):
                self._refuse_different_models(self.model.model)

    def __call__(
        self, keys: Sequence[ResponseKey], texts: Sequence[str], compared: Tensor
    ) -> tuple[Features, dict[str, float]]:
        """The features, and metrics. Responses that are not `compared` are compared with nothing."""
        texts = [self.source.compared(text) for text in texts]
        if self.model is None or not isinstance(self.source, Model):
            return self.source.of_texts(texts) if isinstance(self.source, Texts) else Features(texts), {}
        groups = list(dict.fromkeys(key.group for key in keys))
        mine = set(groups[self.processes.index :: self.processes.count])
        rows = [row for row, key in enumerate(keys) if key.group in mine]
        own = []
        if rows:
            among = [keys[row] for row in rows if compared[row]]
            own = [(rows, self.model.collect([keys[row] for row in rows], [texts[row] for row in rows], among))]
        parts = self.processes.gather(own)
        order = np.argsort([row for rows, _ in parts for row in rows])
        identities = [identity for _, found in parts for identity in found.identities]
        values = np.concatenate([found.values for _, found in parts])[order]
        truncated = sum(found.truncated for _, found in parts) / len(keys)
        features = self.source.features(keys, compared, [identities[row] for row in order], torch.from_numpy(values))
        counts = total(found.counts for _, found in parts)
        return features, {"diversity/truncated/frac": truncated, **counted(counts)}

    def _refuse_different_models(self, model: Any) -> None:
        """Compare all processes on a probe text: different models would silently score groups of a batch differently."""
        seen = model(PROBE)[0] if isinstance(model, Embedder) else model.probabilities([PROBE])[0]
        for process, found in enumerate(self.processes.gather([np.asarray(seen)])):
            if found.shape != np.shape(seen) or not np.allclose(found, seen, atol=TOLERANCE):
                raise UserError(
                    f"Process {process} of the trainer has loaded another {self.source.name} model than process "
                    f"{self.processes.index}: their outputs for the same text differ. Put the same model files on all nodes."
                )
