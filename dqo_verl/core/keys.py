"""The key that identifies a response in every process."""

from typing import NamedTuple


class ResponseKey(NamedTuple):
    """A response's group (its prompt) and its number there, which gives the order for rules that depend on the order."""

    group: str
    sample: int

    def __str__(self) -> str:
        return f"{self.group}_{self.sample}"
