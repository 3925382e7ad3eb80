"""Shapes one batch: quality and features of its responses -> the amounts added to rewards and advantages, and metrics."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dqo_verl.core.features import Features, Groups
from dqo_verl.core.groups import rows_by_size
from dqo_verl.core.measures.base import Measure
from dqo_verl.core.settings import Settings


@dataclass(frozen=True)
class Shaped:
    """The result for n responses; all tensors are `(n,)`."""

    # d_i; 0 for responses outside the gate, and for blank ones
    score: Tensor
    # what is added to the quality before the base estimator sees it
    to_reward: Tensor
    # what is added to the base estimator's advantage (scale=decoupled only; otherwise zeros)
    to_advantage: Tensor
    # the factor of that advantage, applied first (combine=weigh only; otherwise ones)
    factor: Tensor
    metrics: dict[str, float]


def shape(quality: Tensor, groups: Sequence[Hashable], features: Features, settings: Settings) -> Shaped:
    """Score every response against its group, and combine the score with its credit (by default its quality).

    If an input or a result is not finite, a `FloatingPointError` names the response.
    """
    _refuse_non_finite(quality, "the quality", groups, features)
    measure, combine = settings.measure, settings.combine
    credit = credited(quality, groups, settings)
    score, compared = torch.zeros_like(quality), torch.zeros_like(quality, dtype=torch.bool)
    details: dict[str, list[Tensor]] = {}
    if measure.reads != "nothing":
        compared = _compared(quality, features, settings)
        score, details = _scored(quality, groups, features, measure, compared)
    nothing = torch.zeros_like(quality)
    to_reward, to_advantage = combine(credit, score, groups) if settings.rewards_diversity else (nothing, nothing)
    factor = combine.factor(score, compared) if settings.rewards_diversity else torch.ones_like(quality)
    if settings.has_credit:
        to_reward = to_reward + (credit - quality)
    _refuse_non_finite(to_reward + to_advantage + factor, "the shaped reward", groups, features)
    metrics = {name: torch.cat(values).double().mean().item() for name, values in details.items()}
    if measure.reads != "nothing":
        metrics |= _summary(quality, to_reward + to_advantage, score[compared], groups, features.identities)
    return Shaped(score, to_reward, to_advantage, factor, metrics)


def _refuse_non_finite(values: Tensor, what: str, groups: Sequence[Hashable], features: Features) -> None:
    bad = (~values.isfinite()).nonzero().flatten().tolist()
    if bad:
        said = features.texts[bad[0]][:200] if features.texts else features.identities[bad[0]]
        raise FloatingPointError(
            f"{what} of response {bad[0]} (group {groups[bad[0]]}, {said!r}) is {values[bad[0]].item()}; "
            f"{len(bad)} of {len(values)} responses are not finite"
        )


def credited(quality: Tensor, groups: Sequence[Hashable], settings: Settings) -> Tensor:
    """The credit of each response, which takes the place of its quality, `(n,)`."""
    found = quality.clone()
    for rows in rows_by_size(groups):
        found[rows] = settings.credit(quality[rows])
    return found


def _compared(quality: Tensor, features: Features, settings: Settings) -> Tensor:
    """Which responses are compared: those inside the gate, without blank ones if the measure reads embeddings."""
    inside = settings.combine.takes_part(quality)
    return inside & features.column("embeddings").any(dim=-1) if settings.measure.reads == "embeddings" else inside


def _scored(
    quality: Tensor, groups: Sequence[Hashable], features: Features, measure: Measure, compared: Tensor
) -> tuple[Tensor, dict[str, list[Tensor]]]:
    """d of each response, and the measure's numbers per group."""
    candidates = compared.nonzero().flatten()
    score = torch.zeros_like(quality)
    details: dict[str, list[Tensor]] = {}
    for local in rows_by_size([groups[row] for row in candidates.tolist()]):
        rows = candidates[local]
        of_one_size = Groups(rows, quality[rows], features)
        score[rows] = measure(of_one_size).to(quality.dtype)
        for name, values in measure.details(of_one_size).items():
            details.setdefault(f"diversity/{name}/mean", []).append(values)
    return score, details


def _summary(
    quality: Tensor, added: Tensor, score: Tensor, groups: Sequence[Hashable], identities: Sequence[Hashable]
) -> dict[str, float]:
    """The metrics for the trainer's log. `bonus` is what shaping added to the reward and the advantage.

    `score`: of the responses that are compared. If there are none, its metrics are left out.
    """
    duplicates = singletons = bonus_only = n_groups = 0
    for rows in rows_by_size(groups):
        n_groups += len(rows)
        singletons += len(rows) if rows.shape[-1] == 1 else 0
        equal_quality = (quality[rows] == quality[rows][:, :1]).all(dim=-1)
        varied_bonus = (added[rows].amax(dim=-1) - added[rows].amin(dim=-1)) > 1e-6
        bonus_only += int((equal_quality & varied_bonus).sum())
        duplicates += sum(rows.shape[-1] - len({identities[row] for row in group}) for group in rows.tolist())
    metrics = {
        f"diversity/{name}/{how}": getattr(values, how)().item()
        for name, values in (("score", score), ("bonus", added))
        if len(values)
        for how in ("mean", "min", "max")
    }
    return metrics | {
        "diversity/duplicates/frac": duplicates / len(quality),
        "diversity/singleton_groups": float(singletons),
        "diversity/bonus_only_groups/frac": bonus_only / n_groups,
    }
