"""What a run says before it starts: what it rewards, what differs from the defaults, and what may surprise. For every trainer."""

import math
from dataclasses import dataclass

from dqo_verl.core.measures.dpp import Dpp
from dqo_verl.core.objectives import Add
from dqo_verl.core.settings import Settings
from dqo_verl.core.sources import CosineClasses

PREFIX = "[dqo_verl]"


@dataclass(frozen=True)
class Trainer:
    """What the notes depend on, and how a user of this trainer types it."""

    # of each prompt
    responses: int
    # how these are typed
    responses_setting: str
    # whether rewards are compared with those of the same prompt only
    compares_within: bool
    # whether they are divided by their standard deviation; None where the estimator knows no such thing
    divides_by_std: bool | None
    # what switches the division off
    without_std: str = ""


def announcement(settings: Settings, trainer: Trainer) -> list[str]:
    """Two lines of facts at most, and a note for each surprise."""
    division = {True: " with std division", False: " without std division", None: ""}[trainer.divides_by_std]
    lines = [f"{settings.in_words(trainer.responses)}{division}"]
    if changed := settings.beside_defaults():
        lines.append(f"set: {', '.join(f'{key}={value}' for key, value in changed.items())}")
    return [f"{PREFIX} {line}" for line in (*lines, *(f"note: {note}" for note in _notes(settings, trainer)))]


def _notes(settings: Settings, trainer: Trainer) -> list[str]:
    spelling, source, found = settings.spelling, settings.source, []
    if trainer.divides_by_std and settings.is_raw and settings.rewards_diversity:
        found.append(
            "with std division, groups of equal quality get full-size advantages from the bonus alone, whatever alpha is. "
            f"To avoid it: {trainer.without_std} or {spelling('scale', 'decoupled')}."
        )
    if trainer.divides_by_std is False and isinstance(settings.combine, Add) and settings.combine.scale == "decoupled":
        found.append(
            f"without std division {spelling('scale', 'decoupled')} changes nothing: the mean of its group is subtracted from reward "
            "and bonus in either way. Leave it out, or turn the division on."
        )
    if trainer.divides_by_std and settings.credit.weighs_groups:
        found.append(
            f"with std division {spelling('credit', settings.credit.name)} has no effect: it only weighs whole groups, and the division "
            f"takes that away. To avoid it: {trainer.without_std}."
        )
    if isinstance(source, CosineClasses):
        found.append(
            f"no pair classifier: two responses are the same above a cosine of {source.threshold:g}, classes by "
            f"{source.partition}. With one it is DARLING: {spelling('classifier', 'NAME_OR_PATH')}"
        )
    adds = settings.combine.name != "multiply" and settings.rewards_diversity
    if adds and trainer.responses == 2 and settings.measure.symmetric and trainer.compares_within:
        found.append(
            f"two responses are equally diverse, and {settings.base} compares within groups: with "
            f"{trainer.responses_setting}=2 the bonus cancels. Use at least 3{_other_base(settings)}."
        )
    elif (alpha := overtaking_alpha(settings, trainer.responses)) is not None:
        found.append(
            f"above alpha={alpha:.2f} a response can make up for a reward that is lower by 1 by being different: where few "
            "answers are right, the policy is paid for being wrong in new ways. With rewards of 0 and 1, compare right "
            f"answers only: {spelling('gate', 0.5)}. With others: a smaller alpha."
        )
    return found


def _other_base(settings: Settings) -> str:
    return f", or {settings.spelling.without_groups}" if settings.spelling.without_groups else ""


def overtaking_alpha(settings: Settings, responses: int) -> float | None:
    """The bound on raw, ungated alpha per unit of reward, `1 / (log 2 - log(1 + 1/k))`, if this run is above it.

    The leave-one-out gains of unit-norm embeddings lie between log(1 + 1/k) and log 2.
    """
    combine = settings.combine
    if not (isinstance(settings.measure, Dpp) and isinstance(combine, Add) and settings.is_raw) or responses < 2:
        return None
    bound = 1 / (math.log(2) - math.log(1 + 1 / responses))
    return bound if combine.gate is None and combine.alpha > bound else None
