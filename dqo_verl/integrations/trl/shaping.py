"""Shapes one of TRL's batches: qualities and completions of whole groups -> what shaping adds to them."""

import time
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from dqo_verl.core.keys import ResponseKey
from dqo_verl.core.settings import Settings
from dqo_verl.core.shaping import Shaped, shape
from dqo_verl.core.target import Target
from dqo_verl.integrations.trl.features import BatchFeatures


def said(completion: Any) -> str:
    """A completion's text; of a conversation, the last assistant message: tool calls and their results are no answers."""
    if isinstance(completion, str):
        return completion
    content = next((message.get("content") for message in reversed(completion) if message["role"] == "assistant"), "")
    if isinstance(content, list):
        return " ".join(part["text"] for part in content if part.get("type") == "text")
    return content or ""


def shape_batch(
    quality: Tensor,
    completions: Sequence[str],
    group_size: int,
    features: BatchFeatures,
    settings: Settings,
    target: Target | None = None,
) -> Shaped:
    """What shaping adds to all responses, in order; `target` then follows them.

    Responses whose quality is NaN, because no reward function scored them, get 0.

    TRL keeps the responses to a prompt side by side in the batch of all processes.
    """
    started = time.perf_counter()
    rows = (~quality.isnan()).nonzero().flatten()
    if not len(rows):
        nothing = torch.zeros_like(quality)
        return Shaped(nothing, nothing, nothing, torch.ones_like(quality), {})
    keys = [ResponseKey(str(row // group_size), row % group_size) for row in rows.tolist()]
    texts = [completions[row] for row in rows.tolist()]
    _refuse_infinite(quality[rows], texts)
    found, collected = features(keys, texts, settings.combine.takes_part(quality[rows]))
    groups = [key.group for key in keys]
    shaped = shape(quality[rows], groups, found, settings)
    steered = target.follow(quality[rows], groups, found) if target else {}

    def everywhere(values: Tensor, elsewhere: float = 0.0) -> Tensor:
        return torch.full_like(quality, elsewhere).index_copy(0, rows, values)

    metrics = shaped.metrics | steered | collected | {"diversity/seconds": time.perf_counter() - started}
    return Shaped(
        everywhere(shaped.score),
        everywhere(shaped.to_reward),
        everywhere(shaped.to_advantage),
        everywhere(shaped.factor, 1.0),
        metrics,
    )


def _refuse_infinite(quality: Tensor, texts: Sequence[str]) -> None:
    bad = quality.isinf().nonzero().flatten().tolist()
    if bad:
        raise FloatingPointError(
            f"The reward of a response is {quality[bad[0]].item()} ({len(bad)} such in this batch). The reward functions "
            f"returned it for the text {texts[bad[0]][:200]!r}"
        )
