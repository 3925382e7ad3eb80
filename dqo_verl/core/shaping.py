"""One batch: quality and features of its responses -> scores, shaped rewards, metrics. Knows nothing of verl or Ray."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from dqo_verl.core import objectives
from dqo_verl.core.classes import classes
from dqo_verl.core.groups import rows_by_size
from dqo_verl.core.kernels import gaussian_kernel, linear_kernel
from dqo_verl.core.measures import (
    deviation_weight,
    distinct_fraction,
    distinct_ngram_fraction,
    graph_cut_weight,
    loo_logdet,
    loo_logdet_quality,
    mean_pairwise_distance,
    mean_surprisal,
    set_logdet,
    unlikeliness,
)
from dqo_verl.core.settings import Settings


class Features(Protocol):
    """What a measure may ask about the responses of a batch. Rows are positions in the batch."""

    def texts(self) -> Sequence[str]: ...

    def identities(self) -> Sequence[Hashable]:
        """Equal for responses with the same text: the texts themselves, or their hashes."""

    def embeddings(self) -> Tensor:
        """`(n, d)`, unit norm, zero rows for empty responses."""

    def log_probs(self) -> tuple[Tensor, Tensor]:
        """The policy's log-probability of each response, and its number of tokens: `(n,)` each."""

    def same(self, rows: Tensor) -> Tensor:
        """Pair decisions within groups: `(g, k)` row numbers -> boolean `(g, k, k)`."""


@dataclass(frozen=True)
class Shaped:
    """The outcome for n responses; all tensors are `(n,)`."""

    score: Tensor  # d_i, 0 for responses outside the gate, and for blank ones
    reward: Tensor  # what the base estimator is to see in place of the quality
    bonus: Tensor  # what is added to the advantage (scale=decoupled only; otherwise zeros)
    metrics: dict[str, float]


def shape(quality: Tensor, groups: Sequence[Hashable], features: Features, settings: Settings) -> Shaped:
    """Score every response against its group and combine the score with its quality."""
    taking_part = torch.ones_like(quality, dtype=torch.bool) if settings.gate is None else quality > settings.gate
    if settings.reads == "embeddings" and settings.diversity != "partition":
        taking_part &= features.embeddings().any(dim=-1)  # in a partition, blank responses are a class of their own
    candidates = taking_part.nonzero().flatten()
    score = torch.zeros_like(quality)
    metrics: dict[str, list[Tensor]] = {}
    for local in rows_by_size([groups[row] for row in candidates.tolist()]):
        rows = candidates[local]
        score[rows], details = _score(rows, quality[rows], features, settings)
        for name, values in details.items():
            metrics.setdefault(f"diversity/{name}/mean", []).append(values.flatten())

    bonus = torch.zeros_like(quality)
    reward = quality
    if settings.scale == "decoupled":
        bonus = settings.alpha * objectives.centre(score, groups)
    elif not settings.changes_nothing:
        reward = _combine(quality, score, groups, settings)
    means = {name: torch.cat(values).double().mean().item() for name, values in metrics.items()}
    return Shaped(score, reward, bonus, means | _summary(quality, reward + bonus, score, groups, features))


def _combine(quality: Tensor, score: Tensor, groups: Sequence[Hashable], settings: Settings) -> Tensor:
    match settings.combine:
        case "multiply":
            fit = objectives.shift_quality(quality, groups, settings.quality_shift)
            return objectives.multiply(fit, score, settings.floor)
        case "zscore_add":
            return objectives.zscore_add(quality, score, settings.alpha)
        case "only":
            return objectives.only(quality, score, settings.alpha)
        case _:
            return objectives.add(quality, score, settings.alpha)


def _score(rows: Tensor, quality: Tensor, features: Features, settings: Settings) -> tuple[Tensor, dict[str, Tensor]]:
    """Scores `(g, k)` of groups of one size, and numbers per group for the log."""
    match settings.diversity:
        case "dpp" | "dpp_quality":
            embeddings = features.embeddings()[rows].double()
            gaussian = settings.kernel == "gaussian"
            kernel = gaussian_kernel(embeddings, settings.bandwidth) if gaussian else linear_kernel(embeddings)
            augmented = settings.diversity == "dpp_quality"
            score = loo_logdet_quality(kernel, quality, settings.alpha) if augmented else loo_logdet(kernel)
            return score.to(quality.dtype), {"logdet": set_logdet(kernel)}
        case "pairwise":
            return mean_pairwise_distance(linear_kernel(features.embeddings()[rows])).to(quality.dtype), {}
        case "graph_cut":
            return graph_cut_weight(linear_kernel(features.embeddings()[rows])).to(quality.dtype), {}
        case "deviation":
            return deviation_weight(linear_kernel(features.embeddings()[rows])).to(quality.dtype), {}
        case "likelihood":
            log_probs, _ = features.log_probs()
            return unlikeliness(log_probs[rows], settings.rank_penalty).to(quality.dtype), {}
        case "surprisal":
            log_probs, lengths = features.log_probs()
            return mean_surprisal(log_probs[rows], lengths[rows]).to(quality.dtype), {}
        case "partition":
            same = features.same(rows)
            return distinct_fraction(same).to(quality.dtype), {
                "classes": (classes(same) == torch.arange(rows.shape[-1])).sum(-1)
            }
        case "ngram":
            texts = features.texts()
            groups = [distinct_ngram_fraction([texts[row] for row in group], settings.ngram) for group in rows.tolist()]
            return torch.stack(groups).to(quality.dtype), {}
        case _:
            return torch.zeros_like(quality), {}


def _summary(
    quality: Tensor, total: Tensor, score: Tensor, groups: Sequence[Hashable], features: Features
) -> dict[str, float]:
    """The numbers that a user reads in verl's log. `bonus` is what shaping added to the quality."""
    added = total - quality
    identities = features.identities()
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
        for how in ("mean", "min", "max")
    }
    return metrics | {
        "diversity/duplicates/frac": duplicates / len(quality),
        "diversity/singleton_groups": float(singletons),
        "diversity/bonus_only_groups/frac": bonus_only / n_groups,
    }
