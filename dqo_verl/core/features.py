"""The data about a batch's responses, and how a measure reads it: as groups of one size."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Features:
    """Data about n responses. A measure reads one of the optional columns, and the caller of `shape` fills in that one."""

    # equal for responses with the same text: the texts themselves, or their hashes
    identities: Sequence[Hashable]
    texts: Sequence[str] | None = None
    # (n, d), unit norm, zero rows for blank responses
    embeddings: Tensor | None = None
    # (n,), equal for responses of one group that say the same
    classes: Tensor | None = None
    # (n,) each: the policy's log-probability of a response, and its number of tokens
    log_probs: Tensor | None = None
    lengths: Tensor | None = None

    def column(self, name: str) -> Any:
        found = getattr(self, name)
        if found is None:
            raise ValueError(f"the measure reads {name}, but these Features have none. Pass {name}=... to Features.")
        return found


@dataclass(frozen=True)
class Groups:
    """g groups of k responses each. The shape of every tensor starts with `(g, k)`."""

    # Positions in the batch.
    rows: Tensor
    quality: Tensor
    features: Features

    @property
    def embeddings(self) -> Tensor:
        """`(g, k, d)` in double precision."""
        found: Tensor = self.features.column("embeddings")[self.rows]
        return found.double()

    @property
    def same(self) -> Tensor:
        """Boolean `(g, k, k)`: whether two responses are of one class."""
        label: Tensor = self.features.column("classes")[self.rows]
        return label.unsqueeze(-1) == label.unsqueeze(-2)

    @property
    def log_probs(self) -> Tensor:
        found: Tensor = self.features.column("log_probs")[self.rows]
        return found

    @property
    def lengths(self) -> Tensor:
        found: Tensor = self.features.column("lengths")[self.rows]
        return found

    @property
    def texts(self) -> list[list[str]]:
        texts = self.features.column("texts")
        return [[texts[row] for row in group] for group in self.rows.tolist()]

    def each(self, scores: Sequence[Sequence[float]]) -> Tensor:
        """A `(g, k)` tensor from one list of scores per group."""
        return torch.tensor(scores, dtype=torch.float64)
