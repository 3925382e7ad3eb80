"""What a response is known by, in every process."""

from typing import NamedTuple


class ResponseKey(NamedTuple):
    """The prompt's group, and which of its responses this is: their order decides where a rule depends on it."""

    group: str
    sample: int

    def __str__(self) -> str:
        return f"{self.group}_{self.sample}"
