"""Steers alpha to a target: the share of the distinct answers at the start that the better responses should keep.

    similarity = mean over better responses of their mean cosine to the other better ones of their prompt
                                                       (unbiased for a prompt, however many of its responses are better)
    answers    = 1 / similarity: the number of equally likely, orthogonal answers that have this similarity
    share      = answers now / answers at the start
    missing    = target - share
    weight    <- weight + missing * (UP if missing > 0 else DOWN)
    alpha      = weight + max(missing, 0) * AT_ONCE                                 (both clipped to [0, LARGEST])

A response is better if it passes the gate. A lost answer is no longer sampled and earns no bonus, so it does not come back:
therefore alpha rises at once and falls slowly. If all better responses say the same from the start on, `answers` stays 1, so
there is nothing to keep, and alpha falls to 0 (if the target is below 1). Alpha does not change in the first updates, until
ENOUGH better responses were seen, nor in an update without two better responses to the same prompt.
"""

from collections.abc import Hashable, Sequence
from typing import Any

import torch
from torch import Tensor

from dqo_verl.core.features import Features
from dqo_verl.core.groups import rows_by_size
from dqo_verl.core.objectives import Add
from dqo_verl.core.settings import Settings

# per unit of `missing`: what is added to alpha for the next update only, and what is added to the weight
AT_ONCE, UP = 10.0, 1.0
# taken from the weight in an update, per unit of surplus
DOWN = 0.2
LARGEST = 8.0
# the start: the first updates, until they have this many better responses
ENOUGH = 100
# weight of the newest update in the running mean
NEWEST = 0.3
# least similarity that counts: `answers` is at most 1 / UNLIKE
UNLIKE = 0.01


def similarities(compared: Tensor, groups: Sequence[Hashable], features: Features) -> Tensor:
    """The mean cosine of each compared response to the other compared ones of its prompt, if there are any.

    Without embeddings, 1 for two responses with the same class or, without classes, the same text, and 0 otherwise.
    """
    rows = compared.nonzero().flatten()
    found = [torch.zeros(0, dtype=torch.float64)]
    for local in rows_by_size([groups[row] for row in rows.tolist()]):
        k = local.shape[-1]
        if k > 1:
            found.append(((_alike(rows[local], features).sum(dim=-1) - 1) / (k - 1)).flatten())
    return torch.cat(found)


def _alike(rows: Tensor, features: Features) -> Tensor:
    """Similarities within groups, `(g, k, k)`, with ones on the diagonal."""
    if features.embeddings is not None:
        vectors = features.embeddings[rows].double()
        return vectors @ vectors.mT
    if features.classes is not None:
        labels = features.classes[rows]
    else:
        number = {identity: i for i, identity in enumerate(dict.fromkeys(features.identities))}
        labels = torch.tensor([number[identity] for identity in features.identities])[rows]
    return (labels.unsqueeze(-1) == labels.unsqueeze(-2)).double()


class Target:
    """Alpha of one run, and the statistics that steer it. Checkpoints must save `state`."""

    def __init__(self, settings: Settings):
        assert isinstance(settings.combine, Add)
        assert settings.combine.target is not None
        self.typed, self.target = settings, settings.combine.target
        self.alpha = self.weight = settings.combine.alpha
        # sum and number of similarities: of the first updates, and as a running mean
        self.first, self.last = (0.0, 0.0), (0.0, 0.0)

    @property
    def settings(self) -> Settings:
        """The run's settings with the current alpha."""
        combine = self.typed.combine.model_copy(update={"alpha": self.alpha})
        return self.typed.model_copy(update={"combine": combine})

    def follow(self, quality: Tensor, groups: Sequence[Hashable], features: Features) -> dict[str, float]:
        """Observe an update that was shaped with `settings`, set alpha for the next one, and return metrics."""
        used = {"diversity/alpha": self.alpha}
        compared = self.typed.combine.takes_part(quality)
        if features.embeddings is not None:
            compared &= features.embeddings.any(dim=-1)
        found = similarities(compared, groups, features)
        if not len(found):
            return used
        total, count = found.sum().item(), float(len(found))
        old_total, old_count = self.last if self.last[1] else (total, count)
        self.last = (old_total + NEWEST * (total - old_total), old_count + NEWEST * (count - old_count))
        if self.first[1] < ENOUGH:
            self.first = (self.first[0] + total, self.first[1] + count)
        else:
            missing = self.target - self.share
            self.weight = _within(self.weight + missing * (UP if missing > 0 else DOWN))
            self.alpha = _within(self.weight + max(missing, 0) * AT_ONCE)
        return used | {"diversity/answers": _answers(self.last), "diversity/share_of_start": self.share}

    @property
    def share(self) -> float:
        return _answers(self.last) / _answers(self.first)

    @property
    def state(self) -> dict[str, Any]:
        return {"alpha": self.alpha, "weight": self.weight, "first": list(self.first), "last": list(self.last)}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a checkpoint. The target may have changed since then; the start that it refers to may not."""
        self.alpha, self.weight = state["alpha"], state["weight"]
        self.first, self.last = tuple(state["first"]), tuple(state["last"])


def _answers(seen: tuple[float, float]) -> float:
    """The number of equally likely, orthogonal answers that have the same mean similarity."""
    total, count = seen
    return 1 / max(total / count, UNLIKE)


def _within(alpha: float) -> float:
    return min(max(alpha, 0.0), LARGEST)


def target_of(settings: Settings) -> Target | None:
    """The `Target` of this run, or None if it has none."""
    return Target(settings) if isinstance(settings.combine, Add) and settings.combine.target is not None else None
