"""A side task for small backbones and few labels: which tokens of one response does the other one contain, too?

A thousand human labels say one bit each. Every token of every pair says another bit for nothing, and it is the one that the label
needs most: an encoder that was trained on single texts first has to learn to look across the separator. Loss: mean binary
cross-entropy over a pair's tokens, mean over pairs, times a weight. The head of the side task is not exported.
"""

# mypy: disable-error-code="no-untyped-call"

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, pad

NEITHER = -1.0  # special tokens, the prompt, padding


def shared_tokens(row: Sequence[int], second: int, first: int) -> list[float]:
    """1 where the other response has the token, 0 where not. `row[first:second - 1]` and `row[second:-1]` are the responses."""
    a, b = row[first : second - 1], row[second:-1]
    in_a, in_b = set(a), set(b)
    found = [NEITHER] * first + [float(t in in_b) for t in a] + [NEITHER] + [float(t in in_a) for t in b] + [NEITHER]
    return found


class WithOverlap(nn.Module):
    """The classifier and, with `overlap`, the head of the side task; one forward pass for both."""

    def __init__(self, model: Any, overlap: bool):
        super().__init__()
        self.model = model
        self.head = nn.Linear(model.config.hidden_size, 1) if overlap else None

    def forward(self, **inputs: Tensor) -> tuple[Tensor, Tensor | None]:
        if self.head is None:
            return self.model(**inputs).logits, None
        found = self.model(**inputs, output_hidden_states=True)
        return found.logits, self.head(found.hidden_states[-1]).squeeze(-1)


def loss_sum(logits: Tensor, rows: Sequence[list[float]]) -> Tensor:
    """Sum over pairs of the mean loss of their tokens."""
    length = logits.shape[1]
    targets = torch.stack([pad(torch.tensor(row), (0, length - len(row)), value=NEITHER) for row in rows]).to(logits)
    counted = targets != NEITHER
    losses = binary_cross_entropy_with_logits(logits, targets.clamp(min=0), reduction="none") * counted
    return (losses.sum(1) / counted.sum(1)).sum()
