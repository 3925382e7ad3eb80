"""Objectives: quality and diversity -> the amounts added to rewards and to advantages. Pure functions of one batch."""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field, field_validator, model_validator
from torch import Tensor

from dqo_verl.core.parts import Choice
from dqo_verl.core.scaling import above_mean, centre, gap, shift_quality, zscore
from dqo_verl.errors import UserError


class Objective(Choice, ABC):
    """How diversity d and quality q become one signal."""

    # the shaped reward, as users read it
    formula: ClassVar[str]

    gate: float | Literal["mean"] | None = None
    """Only responses with a quality above it are compared; the others get d = 0. `mean`: above the mean of the batch."""

    @field_validator("gate", mode="before")
    @classmethod
    def _is_a_number_or_mean(cls, gate: Any) -> Any:
        if isinstance(gate, str) and gate != "mean":
            raise ValueError(f"{{gate={gate}}} must be a number, or mean.")
        return gate

    def takes_part(self, quality: Tensor) -> Tensor:
        """Which responses are compared."""
        if self.gate is None:
            return torch.ones_like(quality, dtype=torch.bool)
        return above_mean(quality) if self.gate == "mean" else quality > self.gate

    def among(self) -> str:
        """Which responses are compared, as a phrase to append to `in_words`."""
        if self.gate is None:
            return ""
        return f", among responses with a reward above {'the mean' if self.gate == 'mean' else f'{self.gate:g}'}"

    @property
    def changes_nothing(self) -> bool:
        """Whether the base estimator's advantages must stay bit-identical; diversity is still measured."""
        return False

    @property
    def is_raw(self) -> bool:
        """Whether diversity goes into the reward, and not into the base estimator's advantage."""
        return True

    @property
    def can_be_decoupled(self) -> bool:
        """Whether `scale=decoupled` would change only how diversity is scaled."""
        return False

    def factor(self, diversity: Tensor, compared: Tensor) -> Tensor:
        """The factor of each advantage, `(n,)`; `compared`: which responses have a diversity."""
        return torch.ones_like(diversity)

    @abstractmethod
    def in_words(self, diversity: str, reward: str = "reward") -> str:
        """The shaped reward as a phrase; `diversity` is the phrase for d, `reward` the phrase for r."""

    @abstractmethod
    def __call__(self, quality: Tensor, diversity: Tensor, groups: Sequence[Hashable]) -> tuple[Tensor, Tensor]:
        """The amounts added to each reward and to each advantage, both `(n,)`."""


class Weighted(Objective):
    """Objectives that weight diversity by alpha."""

    alpha: float = Field(1.0, ge=0, le=1e6)
    """Weight of diversity in units of reward."""


class Add(Weighted):
    """`r_i + alpha d_i` (DQO, arXiv 2509.04784); alpha = 0 measures diversity and changes nothing."""

    name = "add"
    formula = "r + alpha d"

    scale: Literal["raw", "decoupled"] = "raw"
    """`raw`: the base estimator sees the shaped reward. `decoupled`: base(r) + alpha (d - mean d of the group)."""

    unit: Literal["reward", "gap"] = "reward"
    """Unit of alpha if raw. `gap`: mean reward above the batch's mean minus mean reward below it; 1 for rewards of 0 and 1."""

    target: float | None = Field(None, gt=0, le=1)
    """Steer alpha, to keep this share of the distinct answers that the compared responses had at the start."""

    @model_validator(mode="after")
    def _target_has_a_gate_and_a_unit(self) -> "Add":
        if self.target is not None and (self.gate is None or self.unit != "gap"):
            raise ValueError(
                f"{{target={self.target}}} needs a gate and {{unit=gap}}, as the method diverse has: it steers alpha by the "
                "better responses, in units of the reward gap. Add {gate=mean} {unit=gap}, or drop the target."
            )
        return self

    @model_validator(mode="after")
    def _unit_has_an_effect(self) -> "Add":
        if self.unit == "gap" and self.scale == "decoupled":
            raise ValueError(
                "{unit=gap} has no effect with {scale=decoupled}, where alpha is in units of advantage. Drop one."
            )
        return self

    @property
    def changes_nothing(self) -> bool:
        return self.alpha == 0 and self.target is None

    @property
    def is_raw(self) -> bool:
        return self.scale == "raw"

    @property
    def can_be_decoupled(self) -> bool:
        return self.is_raw and self.unit == "reward"

    def in_words(self, diversity: str, reward: str = "reward") -> str:
        if self.changes_nothing:
            return f"{reward} alone ({diversity} is measured, not rewarded)"
        if self.scale == "decoupled":
            return f"{reward}, with {self.alpha} x ({diversity} - mean of the group) added to its advantage"
        unit = " x gap between rewards" if self.unit == "gap" else ""
        weight = "alpha" if self.target else self.alpha
        return f"{reward} + {weight}{unit} x {diversity}"

    def among(self) -> str:
        steered = f", alpha starting at {self.alpha} and steered to keep {self.target} of the initial distinct answers"
        return super().among() + (steered if self.target else "")

    def __call__(self, quality: Tensor, diversity: Tensor, groups: Sequence[Hashable]) -> tuple[Tensor, Tensor]:
        nothing = quality.new_zeros(quality.shape)
        if self.scale == "decoupled":
            return nothing, self.alpha * centre(diversity, groups)
        return self.alpha * (gap(quality) if self.unit == "gap" else 1.0) * diversity, nothing


class Multiply(Objective):
    """`q_i max(v_i, floor)` (DARLING, arXiv 2509.02534; its code floors at 0.1, its paper does not).

    Only for quality >= 0: a negative quality times a larger diversity is a smaller reward, which would punish
    diversity.
    """

    name = "multiply"
    formula = "q max(d, floor)"

    floor: float = Field(0.0, ge=0, le=1)
    """The diversity factor is at least this."""

    quality_shift: Literal["none", "group_min", "sigmoid"] = "none"
    """Shift of quality before it is multiplied: `none` (a negative one ends the run), `group_min` (q - min), `sigmoid`."""

    def in_words(self, diversity: str, reward: str = "reward") -> str:
        quality = {"none": reward, "group_min": f"({reward} - smallest of the group)", "sigmoid": f"sigmoid({reward})"}
        factor = f"max({diversity}, {self.floor})" if self.floor else diversity
        return f"{quality[self.quality_shift]} x {factor}"

    def __call__(self, quality: Tensor, diversity: Tensor, groups: Sequence[Hashable]) -> tuple[Tensor, Tensor]:
        fit = shift_quality(quality, groups, self.quality_shift)
        if (fit < 0).any():
            raise UserError(
                f"combine=multiply got a quality of {fit.min().item():.4g}. A negative quality times a larger diversity is a "
                f"smaller reward, which would punish diversity. Add {self.spell('quality_shift', 'group_min')} (the worst "
                f"of each group becomes 0) or {self.spell('quality_shift', 'sigmoid')}, or use a reward that is never "
                "negative."
            )
        return fit * diversity.clamp(min=self.floor) - quality, quality.new_zeros(quality.shape)


class ZscoreAdd(Weighted):
    """`z(q_i) + alpha z(d_i)`, DARLING's additive ablation (arXiv 2509.02534, table 2), normalised over the batch."""

    name = "zscore_add"
    formula = "z(q) + alpha z(d)"

    def in_words(self, diversity: str, reward: str = "reward") -> str:
        return f"z({reward}) + {self.alpha} x z({diversity})"

    def __call__(self, quality: Tensor, diversity: Tensor, groups: Sequence[Hashable]) -> tuple[Tensor, Tensor]:
        return zscore(quality) + self.alpha * zscore(diversity) - quality, quality.new_zeros(quality.shape)


class Only(Weighted):
    """`alpha d_i`: for a measure that contains the quality already (dpp_quality), or to look at diversity alone."""

    name = "only"
    formula = "alpha d"

    def in_words(self, diversity: str, reward: str = "reward") -> str:
        return f"{self.alpha} x {diversity}"

    @model_validator(mode="after")
    def _has_no_gate(self) -> "Only":
        if self.gate is not None:
            raise ValueError(
                "{combine=only} leaves no reward to responses outside the gate. Drop the gate, or use {combine=add}."
            )
        return self

    def __call__(self, quality: Tensor, diversity: Tensor, groups: Sequence[Hashable]) -> tuple[Tensor, Tensor]:
        return self.alpha * diversity - quality, quality.new_zeros(quality.shape)


class Weigh(Weighted):
    """`A_i d_i^alpha`, where A_i is the base estimator's advantage, which keeps its sign.

    For measures between 0 and 1; alpha = 0 changes nothing. Responses outside the gate, and blank ones, keep their
    advantage.
    """

    name = "weigh"
    formula = "A d^alpha"

    alpha: float = Field(1.0, ge=0, le=1e6)
    """Exponent of diversity."""

    @property
    def changes_nothing(self) -> bool:
        return self.alpha == 0

    @property
    def is_raw(self) -> bool:
        return False

    def in_words(self, diversity: str, reward: str = "reward") -> str:
        if self.changes_nothing:
            return f"{reward} alone ({diversity} is measured, not used as a weight)"
        return f"{reward}, with its advantage multiplied by {diversity}" + (
            f" to the power of {self.alpha}" if self.alpha != 1 else ""
        )

    def factor(self, diversity: Tensor, compared: Tensor) -> Tensor:
        return torch.where(compared, diversity.clamp(min=0) ** self.alpha, 1.0)

    def __call__(self, quality: Tensor, diversity: Tensor, groups: Sequence[Hashable]) -> tuple[Tensor, Tensor]:
        nothing = quality.new_zeros(quality.shape)
        return nothing, nothing
