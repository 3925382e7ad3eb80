"""Objective: quality x diversity -> the reward that the base estimator sees. All pure functions of one batch."""

from collections.abc import Hashable, Sequence

from torch import Tensor

from dqo_verl.core.groups import rows_by_size

ROUNDING = 1e-6  # of the largest value: responses that are all alike have bonuses that differ by 1e-7


def add(quality: Tensor, diversity: Tensor, alpha: float) -> Tensor:
    """`r_i + alpha d_i` (DQO, arXiv 2509.04784)."""
    return quality + alpha * diversity


def multiply(quality: Tensor, diversity: Tensor, floor: float = 0.0) -> Tensor:
    """`q_i max(v_i, floor)` (DARLING, arXiv 2509.02534; its code floors at 0.1, its paper does not).

    Only for quality >= 0: a negative quality times a larger diversity is a smaller reward, which would punish
    diversity.
    """
    if (quality < 0).any():
        raise ValueError(
            f"quality goes down to {quality.min().item():.4g}, and a negative quality times a larger diversity is a "
            "smaller reward: it would punish diversity. Add +algorithm.diversity.quality_shift=group_min (the worst of "
            "each group becomes 0) or +algorithm.diversity.quality_shift=sigmoid, or use a reward that is never negative."
        )
    return quality * diversity.clamp(min=floor)


def zscore(values: Tensor) -> Tensor:
    """`(x - mean) / std` over the batch; all zeros where nothing varies (a single value, or equal ones but for rounding)."""
    if len(values) < 2 or values.max() - values.min() <= ROUNDING * values.abs().max():
        return values.new_zeros(values.shape)
    return (values - values.mean()) / values.std()


def zscore_add(quality: Tensor, diversity: Tensor, alpha: float) -> Tensor:
    """`z(q_i) + alpha z(d_i)`, DARLING's additive ablation (arXiv 2509.02534, table 2), normalised over the batch."""
    return zscore(quality) + alpha * zscore(diversity)


def only(quality: Tensor, diversity: Tensor, alpha: float) -> Tensor:
    """`alpha d_i`: for a measure that contains the quality already (dpp_quality), or to look at diversity alone."""
    return alpha * diversity


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


def centre(values: Tensor, groups: Sequence[Hashable]) -> Tensor:
    """`x_i - mean of its group`. A group of one gives 0."""
    centred = values.clone()
    for rows in rows_by_size(groups):
        centred[rows] = values[rows] - values[rows].mean(dim=-1, keepdim=True)
    return centred
