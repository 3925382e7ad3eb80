"""Objective: quality x diversity -> what is added to the reward, and what to the advantage. Pure functions of one batch."""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field, field_validator, model_validator
from torch import Tensor

from dqo_verl.core.groups import rows_by_size
from dqo_verl.core.parts import Choice
from dqo_verl.errors import UserError

# of the largest value: responses that are all alike have bonuses that differ by 1e-7
ROUNDING = 1e-6


def zscore(values: Tensor) -> Tensor:
    """`(x - mean) / std` over the batch; all zeros where nothing varies (a single value, or equal ones but for rounding)."""
    if len(values) < 2 or values.max() - values.min() <= ROUNDING * values.abs().max():
        return values.new_zeros(values.shape)
    return (values - values.mean()) / values.std()


def shift_quality(quality: Tensor, groups: Sequence[Hashable], how: str) -> Tensor:
    """Make quality fit to be multiplied: `none`, `group_min` (q - min of the group) or `sigmoid` (1 / (1 + e^-q))."""
    if how == "sigmoid":
        return quality.sigmoid()
    if how == "none":
        return quality
    shifted = quality.clone()
    for rows in rows_by_size(groups):
        shifted[rows] = quality[rows] - quality[rows].amin(dim=-1, keepdim=True)
    return shifted


def gap(quality: Tensor) -> float:
    """`mean of what is above the mean - mean of the rest`: what is at stake, in the reward's own unit; 0 if all are equal.

    With two values it is their difference, however often each occurs; 1.6 standard deviations of a normal distribution.
    """
    high = above_mean(quality)
    return (quality[high].mean() - quality[~high].mean()).item() if high.any() else 0.0


def above_mean(quality: Tensor) -> Tensor:
    """Which values are above the mean of all: none if all are equal, also where their mean is rounded down."""
    values = quality.double()
    return (values > values.mean()) & (values > values.min())


def centre(values: Tensor, groups: Sequence[Hashable]) -> Tensor:
    """`x_i - mean of its group`. A group of one gives 0."""
    centred = values.clone()
    for rows in rows_by_size(groups):
        centred[rows] = values[rows] - values[rows].mean(dim=-1, keepdim=True)
    return centred


class Objective(Choice, ABC):
    """How diversity d and quality q become one signal."""

    # the shaped reward, for people
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
        """Those that are compared, as a phrase."""
        if self.gate is None:
            return ""
        return f", among responses with a reward above {'the mean' if self.gate == 'mean' else f'{self.gate:g}'}"

    @property
    def changes_nothing(self) -> bool:
        """Whether the base estimator's advantages must come out bit for bit; diversity is still measured."""
        return False

    @property
    def is_raw(self) -> bool:
        """Whether diversity goes into the reward, and not into what the base estimator makes of it."""
        return True

    def factor(self, quality: Tensor, diversity: Tensor) -> Tensor:
        """By what each advantage is multiplied, `(n,)`."""
        return torch.ones_like(quality)

    @abstractmethod
    def in_words(self, diversity: str, reward: str = "reward") -> str:
        """The shaped reward as a phrase; `diversity` is the phrase for d, `reward` that for what is shaped."""

    @abstractmethod
    def __call__(self, quality: Tensor, diversity: Tensor, groups: Sequence[Hashable]) -> tuple[Tensor, Tensor]:
        """What is added to each reward, and to each advantage, `(n,)` both."""


class Weighted(Objective):
    """Objectives with a weight of diversity."""

    alpha: float = Field(1.0, ge=0, le=1e6)
    """Weight of diversity in units of reward."""


class Add(Weighted):
    """`r_i + alpha d_i` (DQO, arXiv 2509.04784); 0 measures diversity and changes nothing."""

    name = "add"
    formula = "r + alpha d"

    scale: Literal["raw", "decoupled"] = "raw"
    """`raw`: the base estimator sees the shaped reward. `decoupled`: base(r) + alpha (d - mean d of the group)."""

    unit: Literal["reward", "gap"] = "reward"
    """Of alpha, if raw. `gap`: how far rewards above and below the batch's mean are apart, 1 if they are 0 and 1."""

    target: float | None = Field(None, gt=0, le=1)
    """Steer alpha: as many different answers among those compared as this share of what they were at the start."""

    @model_validator(mode="after")
    def _target_has_a_gate_and_a_unit(self) -> "Add":
        if self.target is not None and (self.gate is None or self.unit != "gap"):
            raise ValueError(
                f"{{target={self.target}}} steers alpha by the better responses, in units of what is at stake: it needs a gate "
                "and a unit, which the method diverse has. Add {gate=mean} {unit=gap}, or drop the target."
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

    def in_words(self, diversity: str, reward: str = "reward") -> str:
        if self.changes_nothing:
            return f"{reward} alone ({diversity} is measured, not rewarded)"
        if self.scale == "decoupled":
            return f"{reward}, and to its advantage + {self.alpha} x ({diversity} - mean of the group)"
        unit = " x gap between rewards" if self.unit == "gap" else ""
        weight = "alpha" if self.target else self.alpha
        return f"{reward} + {weight}{unit} x {diversity}"

    def among(self) -> str:
        steered = f", alpha from {self.alpha} on steered to {self.target} of the different answers at the start"
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
    """Smallest factor."""

    quality_shift: Literal["none", "group_min", "sigmoid"] = "none"
    """Before it is multiplied: `none` (a negative quality ends the run), `group_min` (minus the group's least), `sigmoid`."""

    def in_words(self, diversity: str, reward: str = "reward") -> str:
        quality = {"none": reward, "group_min": f"({reward} - least of the group)", "sigmoid": f"sigmoid({reward})"}
        factor = f"max({diversity}, {self.floor})" if self.floor else diversity
        return f"{quality[self.quality_shift]} x {factor}"

    def __call__(self, quality: Tensor, diversity: Tensor, groups: Sequence[Hashable]) -> tuple[Tensor, Tensor]:
        fit = shift_quality(quality, groups, self.quality_shift)
        if (fit < 0).any():
            raise UserError(
                f"The quality goes down to {fit.min().item():.4g}, and a negative quality times a larger diversity is a "
                f"smaller reward: it would punish diversity. Add {self.spell('quality_shift', 'group_min')} (the worst "
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
                "{combine=only} leaves nothing to responses outside the gate. Drop the gate, or use {combine=add}."
            )
        return self

    def __call__(self, quality: Tensor, diversity: Tensor, groups: Sequence[Hashable]) -> tuple[Tensor, Tensor]:
        return self.alpha * diversity - quality, quality.new_zeros(quality.shape)


class Weigh(Weighted):
    """`A_i d_i^alpha`, with A_i what the base estimator makes of the rewards: a signed advantage keeps its sign.

    For measures between 0 and 1; alpha = 0 changes nothing. Responses outside the gate keep their advantage.
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
            return f"{reward} alone ({diversity} is measured, and weighs nothing)"
        return f"{reward}, its advantage x {diversity}" + (f" to the power of {self.alpha}" if self.alpha != 1 else "")

    def factor(self, quality: Tensor, diversity: Tensor) -> Tensor:
        return torch.where(self.takes_part(quality), diversity.clamp(min=0) ** self.alpha, 1.0)

    def __call__(self, quality: Tensor, diversity: Tensor, groups: Sequence[Hashable]) -> tuple[Tensor, Tensor]:
        nothing = quality.new_zeros(quality.shape)
        return nothing, nothing
