"""The rows of verl's batch, read by key. A key is `{uid}_{session}_{index}`: several rows can belong to one response."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Sessions:
    """Responses (sessions) of a batch. A session counts once, by its last output; padding rows belong to none."""

    names: list[str]  # "{uid}_{session}" of each session
    uids: list[str]  # its prompt
    final_row: Tensor  # (sessions,) row of its last output
    of_row: Tensor  # (rows,) position of the row's session, -1 for padding

    @classmethod
    def read(cls, keys: Sequence[str], tags: Sequence[Mapping[str, Any]]) -> "Sessions":
        position: dict[str, int] = {}
        uids: list[str] = []
        last: list[tuple[int, int]] = []  # (index, row)
        of_row: list[int] = []
        for row, (key, tag) in enumerate(zip(keys, tags, strict=True)):
            if tag.get("is_padding", False):
                of_row.append(-1)
                continue
            uid, session, index = key.rsplit("_", 2)
            name = f"{uid}_{session}"
            if name not in position:
                position[name] = len(uids)
                uids.append(uid)
                last.append((int(index), row))
            else:
                last[position[name]] = max(last[position[name]], (int(index), row))
            of_row.append(position[name])
        return cls(list(position), uids, torch.tensor([row for _, row in last], dtype=torch.long), torch.tensor(of_row))

    def broadcast(self, values: Tensor) -> Tensor:
        """A value per session -> the same value on each of its rows, 0 on padding."""
        rows = values.new_zeros(len(self.of_row))
        real = self.of_row >= 0
        rows[real] = values[self.of_row[real]]
        return rows
