"""A target in the place of a weight: alpha follows how different the better responses still are.

    similarity = mean over better responses of the mean cosine to the others of their prompt
                                                       (unbiased for a prompt, however many of its responses are better)
    answers    = 1 / similarity: so many answers, equally likely and unlike one another, would be as similar
    share      = answers now / answers at the start
    missing    = target - share
    weight    <- weight + missing * (UP if missing > 0 else DOWN)
    alpha      = weight + max(missing, 0) * AT_ONCE                                 (both from 0 to LARGEST)

What is better: what passes the gate. An answer that is lost is no longer sampled and earns no bonus, so it does not come back: alpha
rises at once and falls slowly. If all say the same, `answers` is 1, at the start as later: there is nothing to keep, and alpha falls to 0. Alpha stays as it
is in the first updates, until ENOUGH better responses were seen, and in one that has no two better responses to any prompt.
"""

from collections.abc import Hashable, Sequence
from typing import Any

import torch
from torch import Tensor

from dqo_verl.core.features import Features
from dqo_verl.core.groups import rows_by_size
from dqo_verl.core.objectives import Add
from dqo_verl.core.settings import Settings

# alpha for all that is missing: in this update, and what stays of it
AT_ONCE, UP = 10.0, 1.0
# what all that is too much takes away in an update
DOWN = 0.2
LARGEST = 8.0
# the first updates with so many better responses are the start
ENOUGH = 100
# of all that is counted, the share that the newest update replaces
NEWEST = 0.3
# below it similarities are those of unlike answers, whatever their number
UNLIKE = 0.01


def similarities(compared: Tensor, groups: Sequence[Hashable], features: Features) -> Tensor:
    """Of each response that is compared with another of its prompt: its mean cosine to these.

    Features without embeddings: 1 for responses of one class, or of one text, and 0 otherwise.
    """
    rows = compared.nonzero().flatten()
    found = [torch.zeros(0, dtype=torch.float64)]
    for local in rows_by_size([groups[row] for row in rows.tolist()]):
        k = local.shape[-1]
        if k > 1:
            found.append(((_alike(rows[local], features).sum(dim=-1) - 1) / (k - 1)).flatten())
    return torch.cat(found)


def _alike(rows: Tensor, features: Features) -> Tensor:
    """`(g, k, k)`, ones on the diagonal."""
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
    """The weight of one run, and what it follows. `state` belongs into checkpoints."""

    def __init__(self, settings: Settings):
        assert isinstance(settings.combine, Add)
        assert settings.combine.target is not None
        self.typed, self.target = settings, settings.combine.target
        self.alpha = self.weight = settings.combine.alpha
        # sum of similarities, and how many: of the first updates, and of the last ones
        self.first, self.last = (0.0, 0.0), (0.0, 0.0)

    @property
    def settings(self) -> Settings:
        """The run's settings, with alpha as it is now."""
        combine = self.typed.combine.model_copy(update={"alpha": self.alpha})
        return self.typed.model_copy(update={"combine": combine})

    def follow(self, quality: Tensor, groups: Sequence[Hashable], features: Features) -> dict[str, float]:
        """Look at an update that was shaped with `settings`, set alpha for the next, and return numbers for the log."""
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
        """Go on from a checkpoint. The target may have been changed since; what it is a share of may not."""
        self.alpha, self.weight = state["alpha"], state["weight"]
        self.first, self.last = tuple(state["first"]), tuple(state["last"])


def _answers(seen: tuple[float, float]) -> float:
    """So many answers, equally likely and unlike one another, would be as similar."""
    total, count = seen
    return 1 / max(total / count, UNLIKE)


def _within(alpha: float) -> float:
    return min(max(alpha, 0.0), LARGEST)


def target_of(settings: Settings) -> Target | None:
    """What steers alpha in this run, if it has a target."""
    return Target(settings) if isinstance(settings.combine, Add) and settings.combine.target is not None else None
