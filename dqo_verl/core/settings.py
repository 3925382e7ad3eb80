"""The settings of a run, from the flat keys that a user types: `method=dqo alpha=0.5 kernel=gaussian bandwidth=0.7`.

Every part owns its keys. This file combines the parts of a run, and refuses keys that none of them owns.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import model_validator

from dqo_verl.core.credits import Credit
from dqo_verl.core.credits.plain import Plain
from dqo_verl.core.kernels import Kernel
from dqo_verl.core.measures.base import Measure
from dqo_verl.core.methods import METHODS
from dqo_verl.core.objectives import Multiply, Objective
from dqo_verl.core.own_measure import measure_named, place_of
from dqo_verl.core.parts import Choice, Part, build, make, one_of, pick
from dqo_verl.core.placements import Placement
from dqo_verl.core.sources import SOURCES, Source, source_for
from dqo_verl.core.spelling import PLAIN, Spelling
from dqo_verl.errors import UserError

DEFAULT_BASE = "grpo"
# fields of `Settings` that are not in the list of keys
NO_KEYS = ("method", "measure", "source")
# keys for which null means the default, as if they were not typed
DEFAULTS_AS_NULL: tuple[tuple[str, Any], ...] = (
    ("classes", None),
    ("classifier", None),
    ("judge", None),
    ("threshold", None),
    ("urls", []),
)


class Settings(Part):
    """All diversity settings of a run. The effective values are printed once and logged."""

    method: str
    """The run's preset, or its measure if no preset was typed. The other fields contain the preset's values already."""

    measure: Measure
    """How diverse a response is."""

    base: str = DEFAULT_BASE
    """The trainer's own estimator that gets the shaped rewards."""

    credit: Credit = Plain()
    """What takes the place of the quality: the reward itself, or its value to the group."""

    combine: Objective
    """How diversity and credit become one signal."""

    source: Source
    """Where the features that the measure reads come from."""

    @model_validator(mode="after")
    def _credit_and_diversity_work_together(self) -> "Settings":
        if self.has_credit and self.combine.name == "only":
            raise ValueError(
                f"{{credit={self.credit.name}}} has no effect with {{combine=only}}, which rewards {self.measure.name} alone. Drop "
                "one of them, or take a measure that is added to the reward, such as dpp."
            )
        if self.credit.may_be_negative and isinstance(self.combine, Multiply) and self.combine.quality_shift == "none":
            raise ValueError(
                f"{{credit={self.credit.name}}} is negative for some responses, and {self.measure.name} is multiplied with it, which "
                "would punish diversity. Add {quality_shift=group_min}, or take a measure that is added, such as dpp."
            )
        return self

    def flat(self) -> dict[str, Any]:
        return super().flat() | {"measure": place_of(type(self.measure))}

    def in_words(self, responses: int) -> str:
        """What a response is rewarded with, as one sentence; `responses` is their number per prompt."""
        told = self.credit.phrase
        if self.measure.reads != "nothing":
            diversity = " ".join(filter(None, (self.measure.phrase or self.measure.name, self.source.in_words())))
            told = f"{self.combine.in_words(diversity, told)}{self.combine.among()}"
        elif self.changes_nothing:
            return f"{told}, on {self.base}"
        return f"{told}, {responses} responses per prompt, on {self.base}"

    def beside_defaults(self) -> dict[str, Any]:
        """The settings that differ from the defaults of this method and measure; without the base, which `in_words` names."""
        values = self.flat()
        is_preset = METHODS.get(self.method, {}).get("measure") == self.measure.name
        named = ("method", "classifier") if is_preset else ("method", "classifier", "measure")
        default = parse({key: values[key] for key in named if key in values}).flat() | {"classifier": None}
        return {key: value for key, value in values.items() if default.get(key) != value and key != "base"}

    @property
    def has_credit(self) -> bool:
        """Whether a credit takes the place of the reward."""
        return not isinstance(self.credit, Plain)

    @property
    def rewards_diversity(self) -> bool:
        return self.measure.reads != "nothing" and not self.combine.changes_nothing

    @property
    def is_raw(self) -> bool:
        """Whether diversity is part of the reward that the base estimator sees, and is divided if it divides rewards."""
        return self.combine.is_raw

    @property
    def changes_reward(self) -> bool:
        """Whether the base estimator sees a changed reward."""
        return self.has_credit or (self.rewards_diversity and self.is_raw)

    @property
    def changes_advantage(self) -> bool:
        """Whether diversity changes the base estimator's advantages."""
        return self.rewards_diversity and not self.is_raw

    @property
    def changes_nothing(self) -> bool:
        """Whether the base estimator's advantages must stay bit-identical."""
        return not (self.changes_reward or self.changes_advantage)

    @property
    def reads_nothing(self) -> bool:
        """Whether there is neither a measure nor a credit, so that the trainer's estimator runs as it is."""
        return self.measure.reads == "nothing" and not self.has_credit


def parse(typed: Mapping[str, Any], spelling: Spelling = PLAIN) -> Settings:
    """The settings of a run, or a `UserError` that says what to type. `parse(settings.flat())` gives the same settings."""
    typed = {key: value for key, value in typed.items() if (key, value) not in DEFAULTS_AS_NULL}
    measure_typed = "measure" in typed
    if not measure_typed:
        typed = {**pick(METHODS, "method", typed.get("method"), spelling), **typed}
    kind = measure_named(typed["measure"], spelling)
    if measure_typed and typed.get("method") in [*METHODS]:
        typed = {**_beside_a_measure(typed["method"], kind, spelling), **typed}
    credit: type[Credit] = pick(Credit.choices, "credit", typed.get("credit", Plain.name), spelling)
    if kind.reads == "nothing":
        kept = ("method", "measure", "base", "credit", *credit.model_fields)
        for key in () if measure_typed else sorted(typed.keys() - set(kept)):
            raise UserError(_without_diversity(key, typed[key], spelling))
        typed = {key: value for key, value in typed.items() if key in kept and key != "measure"}
    measure = build(kind, typed, spelling)
    method = typed.get("method", measure.name)
    if method != measure.name:
        pick(METHODS, "method", method, spelling)
    # If the measure shares a key with another part, both get the measure's value.
    shared = measure.flat() | typed
    combine = pick(Objective.choices, "combine", typed.get("combine", measure.combine), spelling)
    source = source_for(measure.reads, typed)
    values = {
        "method": method,
        "measure": measure,
        "base": typed.get("base", DEFAULT_BASE),
        "credit": build(credit, typed, spelling),
        "combine": build(combine, shared, spelling),
        "source": build(source, shared, spelling),
    }
    settings = make(Settings, values, spelling)
    for key in sorted(typed.keys() - settings.flat().keys()):
        raise UserError(_no_effect(key, typed[key], settings, spelling) or _unknown(key, typed[key], spelling))
    return settings


def _beside_a_measure(method: str, kind: type[Measure], spelling: Spelling) -> dict[str, Any]:
    """What a method sets beside a typed measure: all if it is the method's own, else only the credit, which needs no measure."""
    preset, measure = METHODS[method], place_of(kind)
    if measure == preset["measure"]:
        return preset
    dropped = {key: value for key, value in preset.items() if key not in ("measure", "credit")}
    if dropped and kind.reads != "nothing":
        own = " ".join(spelling(key, value) for key, value in dropped.items())
        raise UserError(
            f"{spelling('measure', measure)} would drop what the method {method} sets for {preset['measure']}. Take the method dqo "
            f"instead, and type what should hold for {measure}, too: {own}."
        )
    return {key: value for key, value in preset.items() if key == "credit"}


def _no_effect(key: str, value: Any, settings: Settings, spelling: Spelling) -> str | None:
    """The message for a key of a part that this run does not have; None if no part has this key."""
    combine, measure, source = settings.combine, settings.measure, settings.source
    kernel, placement = getattr(measure, "kernel", None), getattr(source, "placement", None)
    for owners, here in (
        (_owners(Objective, key, "combine="), f"this run combines by {combine.name}, {combine.formula}"),
        (_owners(Measure, key, "the measure "), f"the measure is {measure.name}"),
        (_owners(Credit, key, "credit="), f"the credit is {settings.credit.name}"),
        (
            _owners(Kernel, key, "kernel="),
            f"the kernel is {kernel.name}" if kernel else f"{measure.name} has no kernel",
        ),
        (
            _reading([source.name for source in SOURCES if key in source.model_fields]),
            f"{measure.name} reads {source.name}",
        ),
        (
            _owners(Placement, key, "placement="),
            f"the placement is {placement.name}" if placement else f"{measure.name} runs no model",
        ),
    ):
        if owners:
            return f"{spelling(key, value)} has no effect: {key} belongs to {owners}, and {here}. Leave it out."
    return None


def _without_diversity(key: str, value: Any, spelling: Spelling) -> str:
    if key not in known_keys():
        return _unknown(key, value, spelling)
    return (
        f"{spelling(key, value)} has no effect: this method measures no diversity. Leave it out, or add "
        f"{spelling('measure', 'dpp')}."
    )


def _owners(family: type[Choice], key: str, prefix: str) -> str:
    names = [name for name, choice in family.choices.items() if key in choice.model_fields]
    return prefix + one_of(names) if names else ""


def _reading(sources: list[str]) -> str:
    return f"measures that read {one_of(sources)}" if sources else ""


def _unknown(key: str, value: Any, spelling: Spelling) -> str:
    known = known_keys()
    close = get_close_matches(key, known, n=1)
    hint = f" Did you mean {spelling(close[0], value)}?" if close else ""
    return f"{spelling.name(key)} does not exist.{hint} Settings: {', '.join(known)}."


def known_keys() -> dict[str, None]:
    """Every key of every part, in the order in which the parts are listed."""
    families: tuple[type[Choice], ...] = (Measure, Kernel, Credit, Objective)
    parts: list[type[Part]] = [Settings, *(choice for family in families for choice in family.choices.values())]
    parts += [*SOURCES, *Placement.choices.values()]
    return {key: None for part in parts for key in part.model_fields if key not in NO_KEYS}
