"""The lines that every run prints before it starts: what it rewards, which settings differ from the defaults, and notes."""

import math
from dataclasses import dataclass

from dqo_verl.core.measures.dpp import Dpp
from dqo_verl.core.objectives import Add, Weighted
from dqo_verl.core.settings import Settings
from dqo_verl.core.sources import CosineClasses

PREFIX = "[dqo_verl]"


@dataclass(frozen=True)
class Trainer:
    """The facts about a trainer that the notes depend on, and how its users type them."""

    # responses per prompt
    responses: int
    # the setting for this number
    responses_setting: str
    # whether the base compares rewards within a prompt's group only
    compares_within: bool
    # whether the base divides rewards by their standard deviation; None if it has no such option
    divides_by_std: bool | None
    # the setting that switches the division off
    without_std: str = ""


def announcement(settings: Settings, trainer: Trainer) -> list[str]:
    """At most two lines of facts, then one note for each setting that may surprise."""
    division = {True: " with std division", False: " without std division", None: ""}[trainer.divides_by_std]
    lines = [f"{settings.in_words(trainer.responses)}{division}"]
    if changed := settings.beside_defaults():
        lines.append(f"set: {', '.join(f'{key}={value}' for key, value in changed.items())}")
    return [f"{PREFIX} {line}" for line in (*lines, *(f"note: {note}" for note in _notes(settings, trainer)))]


def _notes(settings: Settings, trainer: Trainer) -> list[str]:
    spelling, source, found = settings.spelling, settings.source, []
    if trainer.divides_by_std and settings.is_raw and settings.rewards_diversity:
        whatever = ", whatever alpha is" if isinstance(settings.combine, Weighted) else ""
        decoupled = f" or {spelling('scale', 'decoupled')}" if settings.combine.can_be_decoupled else ""
        found.append(
            f"with std division, groups of equal rewards get full-size advantages from the bonus alone{whatever}. "
            f"To avoid it: {trainer.without_std}{decoupled}."
        )
    if trainer.divides_by_std is False and isinstance(settings.combine, Add) and settings.combine.scale == "decoupled":
        found.append(
            f"without std division {spelling('scale', 'decoupled')} changes nothing: the group's mean is subtracted from "
            "reward and bonus either way. Leave it out, or turn the division on."
        )
    if trainer.divides_by_std and settings.credit.weighs_groups:
        found.append(
            f"with std division {spelling('credit', settings.credit.name)} has no effect: it only gives weights to whole "
            f"groups, and the division cancels them. To avoid it: {trainer.without_std}."
        )
    if isinstance(source, CosineClasses):
        found.append(
            f"there is no pair classifier, so two responses are the same above a cosine of {source.threshold:g}, and "
            f"{source.partition} makes classes of the pairs. To use one, as DARLING does, add "
            f"{spelling('classifier', 'NAME_OR_PATH')}."
        )
    adds = settings.combine.name not in ("multiply", "weigh") and settings.rewards_diversity
    if adds and trainer.responses == 2 and settings.measure.symmetric and trainer.compares_within:
        found.append(
            f"the two responses of a group are equally diverse, and {settings.base} compares within groups: with "
            f"{trainer.responses_setting}=2 the bonus cancels. Use at least 3{_other_base(settings)}."
        )
    elif (alpha := overtaking_alpha(settings, trainer.responses)) is not None:
        found.append(
            f"above alpha={alpha:.2f} the bonus for being different can exceed a reward difference of 1: where few answers "
            "are correct, a new wrong answer can pay more than a correct one. With rewards of 0 and 1, compare correct answers "
            f"only: {spelling('gate', 0.5)}. With other rewards, use a smaller alpha."
        )
    return found


def _other_base(settings: Settings) -> str:
    return f", or {settings.spelling.without_groups}" if settings.spelling.without_groups else ""


def overtaking_alpha(settings: Settings, responses: int) -> float | None:
    """The largest raw, ungated alpha at which a bonus cannot exceed a reward difference of 1; None if this run is not above it.

    It is `1 / (log 2 - log(1 + 1/k))`: leave-one-out gains of unit-norm embeddings lie between log(1 + 1/k) and log 2.
    """
    combine = settings.combine
    if not (isinstance(settings.measure, Dpp) and isinstance(combine, Add) and settings.is_raw) or responses < 2:
        return None
    bound = 1 / (math.log(2) - math.log(1 + 1 / responses))
    return bound if combine.gate is None and combine.alpha > bound else None
