"""The rows of verl's batch, read by key. verl's key is `{uid}_{session}_{index}`: several rows can belong to one response."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dqo_verl.core.keys import ResponseKey


@dataclass(frozen=True)
class Sessions:
    """The responses (sessions) of a batch. Each session counts once, by its last output; padding rows belong to no session."""

    keys: list[ResponseKey]
    # (sessions,) row of each session's last output
    final_row: Tensor
    # (rows,) position of the row's session, -1 for padding
    of_row: Tensor

    @classmethod
    def read(cls, keys: Sequence[str], tags: Sequence[Mapping[str, Any]]) -> "Sessions":
        # The index of each response's last output, and its row.
        last: dict[ResponseKey, tuple[int, int]] = {}
        position: dict[ResponseKey, int] = {}
        of_row: list[int] = []
        for row, (key, tag) in enumerate(zip(keys, tags, strict=True)):
            if tag.get("is_padding", False):
                of_row.append(-1)
                continue
            uid, session, index = key.rsplit("_", 2)
            response = ResponseKey(uid, int(session))
            last[response] = max(last.get(response, (-1, -1)), (int(index), row))
            of_row.append(position.setdefault(response, len(position)))
        return cls(
            list(position), torch.tensor([row for _, row in last.values()], dtype=torch.long), torch.tensor(of_row)
        )

    @property
    def uids(self) -> list[str]:
        """The prompt's uid of each session."""
        return [key.group for key in self.keys]

    def broadcast(self, values: Tensor) -> Tensor:
        """A value per session -> the same value on each of its rows, 0 on padding."""
        rows = values.new_zeros(len(self.of_row))
        real = self.of_row >= 0
        rows[real] = values[self.of_row[real]]
        return rows
