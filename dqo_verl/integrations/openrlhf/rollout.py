"""Sends each response to the feature workers as soon as vLLM returns it, under a key that the response keeps."""

import itertools
import uuid
from typing import Any

from torch import Tensor

from dqo_verl.core.keys import ResponseKey
from dqo_verl.core.settings import Settings
from dqo_verl.core.sources import Model
from dqo_verl.integrations.openrlhf.typed import read
from dqo_verl.streaming.service import Submitter

# the key's name in `Experience.info`; `update.py` removes it before OpenRLHF trains or logs
KEY = "dqo_verl_key"


def settings_in(arguments: Any) -> Settings | None:
    """The settings that the driver put in OpenRLHF's arguments; None for a run without diversity."""
    values = getattr(arguments.algo, "diversity", None)
    return None if values is None else read(vars(values))


def written(sequence: Tensor, action_mask: Tensor) -> Tensor:
    """The ids of the tokens that the model wrote: neither the prompt nor what a tool returned."""
    ids: Tensor = sequence[1:][action_mask.bool()]
    return ids


class Stream:
    """The responses of one generator, to which OpenRLHF passes a prompt's responses one after another."""

    def __init__(self, generator: Any):
        self.settings = settings_in(generator.args)
        self.evaluates = False
        self.group_size = generator.args.rollout.n_samples_per_prompt
        self.scored_outside = bool(generator.args.reward.remote_url)
        self.run, self.count = uuid.uuid4().hex[:8], itertools.count()
        source = self.settings.source if self.settings else None
        self.submitter = Submitter(source) if isinstance(source, Model) and source.stream else None

    def next_key(self) -> ResponseKey:
        i = next(self.count)
        return ResponseKey(f"{self.run}-{i // self.group_size}", i % self.group_size)


def _stream(generator: Any) -> Stream:
    # created at first use, because the feature workers start after the generator
    if not hasattr(generator, "_dqo_verl"):
        generator._dqo_verl = Stream(generator)
    found: Stream = generator._dqo_verl
    return found


def evaluate(original: Any, generator: Any, **options: Any) -> Any:
    """Send nothing to the feature workers while OpenRLHF evaluates."""
    stream = _stream(generator)
    stream.evaluates = True
    try:
        return original(generator, **options)
    finally:
        stream.evaluates = False


def hand_over(original: Any, generator: Any, response: Any, **options: Any) -> Any:
    experience = original(generator, response, **options)
    stream = _stream(generator)
    if stream.settings is None:
        return experience
    if stream.scored_outside and experience.rewards is None:
        raise RuntimeError(
            "The reward function returned nothing for a response, so the run cannot continue. OpenRLHF logged the function's "
            "exception above, as 'Failed to fetch reward'."
        )
    if stream.submitter is not None and not stream.evaluates:
        key = stream.next_key()
        ids = written(experience.sequences[0], experience.action_mask[0])
        text = generator.tokenizer.decode(ids, skip_special_tokens=True)
        stream.submitter.submit(key, stream.settings.source.compared(text))
        experience.info[KEY] = [key]
    return experience
