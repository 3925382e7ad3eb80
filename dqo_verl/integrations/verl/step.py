"""What an estimator sees of verl's current step, whichever of verl's trainers is at work.

verl hands a registered estimator rewards, mask and uid only. Each trainer's seam keeps a `Step` at hand while advantages
are computed: `seam.py` for the V1 trainer, `batch_seam.py` for those that hold the batch themselves.
"""

import contextlib
import contextvars
import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from torch import Tensor


@dataclasses.dataclass(frozen=True)
class Step(ABC):
    """One computation of advantages. Rows have keys `{uid}_{session}_{index}`, in the order in which verl holds them."""

    trainer: Any
    metrics: dict[str, Any]
    keys: Sequence[str]
    # of each row
    tags: Sequence[Mapping[str, Any]]

    @property
    @abstractmethod
    def expected(self) -> int | None:
        """How many responses there should be; None where verl drops none."""

    @abstractmethod
    def column(self, name: str, keys: Sequence[str]) -> Tensor:
        """`(rows, tokens)`, padded."""

    @abstractmethod
    def written(self, keys: Sequence[str]) -> list[Tensor]:
        """The ids of the tokens that the model wrote in each row, without what tools returned."""

    @abstractmethod
    def reported(self, keys: Sequence[str]) -> list[Mapping[str, Any]]:
        """What the reward function returned beside the score, by row."""

    @abstractmethod
    def base_advantage(self, base: str, rewards: Tensor, mask: Tensor, index: Any) -> tuple[Tensor, Tensor]:
        """Advantages and returns of verl's estimator `base`, exactly as this trainer computes them."""


_current: contextvars.ContextVar[Step] = contextvars.ContextVar("dqo_verl_step")


def current_step() -> Step:
    """The step that verl is computing advantages for."""
    try:
        return _current.get()
    except LookupError:
        raise RuntimeError(
            "An estimator of dqo_verl ran outside verl's trainers: neither PPOTrainer._compute_advantage nor "
            "verl.trainer.ppo.ray_trainer.compute_advantage called it."
        ) from None


def is_known() -> bool:
    return _current.get(None) is not None


@contextlib.contextmanager
def working_on(step: Step) -> Iterator[None]:
    token = _current.set(step)
    try:
        yield
    finally:
        _current.reset(token)
