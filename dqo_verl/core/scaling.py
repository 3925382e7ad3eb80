"""Shifts and scales of one batch of numbers: z-scores, centring within groups, and the gap between better and worse rewards."""

from collections.abc import Hashable, Sequence

from torch import Tensor

from dqo_verl.core.groups import rows_by_size

# relative to the largest value: bonuses of identical responses differ by 1e-7
ROUNDING = 1e-6


def zscore(values: Tensor) -> Tensor:
    """`(x - mean) / std` over the batch; all zeros if nothing varies (a single value, or values equal up to rounding)."""
    if len(values) < 2 or values.max() - values.min() <= ROUNDING * values.abs().max():
        return values.new_zeros(values.shape)
    return (values - values.mean()) / values.std()


def shift_quality(quality: Tensor, groups: Sequence[Hashable], how: str) -> Tensor:
    """Shift quality before it is multiplied: `none`, `group_min` (q - min of the group) or `sigmoid` (1 / (1 + e^-q))."""
    if how == "sigmoid":
        return quality.sigmoid()
    if how == "none":
        return quality
    shifted = quality.clone()
    for rows in rows_by_size(groups):
        shifted[rows] = quality[rows] - quality[rows].amin(dim=-1, keepdim=True)
    return shifted


def gap(quality: Tensor) -> float:
    """`mean of the values above the mean - mean of the others`, in the reward's own unit; 0 if all are equal.

    For two distinct values it is their difference, however often each occurs; for a normal distribution, it is 1.6 standard
    deviations.
    """
    high = above_mean(quality)
    return (quality[high].mean() - quality[~high].mean()).item() if high.any() else 0.0


def above_mean(quality: Tensor) -> Tensor:
    """Which values are above their mean: none if all are equal, even if rounding puts the mean below them."""
    values = quality.double()
    return (values > values.mean()) & (values > values.min())


def centre(values: Tensor, groups: Sequence[Hashable]) -> Tensor:
    """`x_i - mean of its group`. A group of one gives 0."""
    centred = values.clone()
    for rows in rows_by_size(groups):
        centred[rows] = values[rows] - values[rows].mean(dim=-1, keepdim=True)
    return centred
