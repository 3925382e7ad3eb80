"""Splits a command line into our options and those for OpenRLHF. Our options:

--algo.advantage.estimator dqo       one of our methods, in place of OpenRLHF's estimator
--reward.diversity dpp               a measure, with any of OpenRLHF's estimators
--algo.diversity.alpha 0.5           a setting of docs/settings.md
--train.device cpu                   runs without a GPU
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dqo_verl.core.methods import METHODS
from dqo_verl.core.settings import Settings, parse
from dqo_verl.core.spelling import Spelling
from dqo_verl.errors import UserError

ESTIMATOR, MEASURE, DEVICE = "--algo.advantage.estimator", "--reward.diversity", "--train.device"
PREFIX = "--algo.diversity."
# the base of our methods: subtracts the group's mean, divides by nothing
BASE = "dr_grpo"
WORDS = {"true": True, "false": False, "null": None, "none": None}


class CommandLine(Spelling):
    """Settings as flags: `--algo.diversity.scale decoupled`."""

    def __call__(self, key: str, value: Any) -> str:
        written = " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value).strip("[]")
        if key == "method":
            return f"{ESTIMATOR} {written}"
        return f"{MEASURE} {written}" if key == "measure" else f"{PREFIX}{key} {written}"


OPENRLHF = CommandLine(
    leave_a_gpu="leave one free, e.g. --actor.num_gpus_per_node 6 and --vllm.num_engines 1 on a node of 8",
    leave_room="leave room, --vllm.gpu_memory_utilization 0.4",
    without_groups=f"{PREFIX}base gae",
)


@dataclass
class Typed:
    """A command line, split into our options and OpenRLHF's."""

    # the values of --algo.diversity.KEY
    settings: dict[str, Any] = field(default_factory=dict)
    measure: str | None = None
    device: str | None = None
    # the command line for OpenRLHF
    rest: list[str] = field(default_factory=list)


def take_apart(words: Sequence[str]) -> Typed:
    """Split a command line. Our flags may stand anywhere, as `--flag value` or `--flag=value`; the last one counts."""
    typed = Typed()
    left = list(words)
    while left:
        flag, joined, value = left[0].partition("=")
        if flag not in (MEASURE, DEVICE) and not flag.startswith(PREFIX):
            typed.rest.append(left.pop(0))
            continue
        left.pop(0)
        values = [value] if joined else []
        while not joined and left and not left[0].startswith("--"):
            values.append(left.pop(0))
        if not values:
            raise UserError(f"{flag} needs a value.")
        found = [_value(text) for text in values]
        if flag == DEVICE:
            typed.device = values[-1]
        elif flag == MEASURE:
            # not converted: `none` is the name of a measure
            typed.measure = values[-1]
        else:
            typed.settings[flag.removeprefix(PREFIX)] = found[0] if len(found) == 1 else found
    if typed.device not in (None, "cpu"):
        raise UserError(f"{DEVICE} {typed.device} is not known. Write {DEVICE} cpu, or leave it out to use GPUs.")
    return typed


def _value(text: str) -> Any:
    if text.lower() in WORDS:
        return WORDS[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def resolve(estimator: str, typed: Typed, bases: Collection[str]) -> Settings | None:
    """The settings of a run, or None for a run without diversity. Raises a `UserError` that says what to type.

    Args:
        estimator: one of our methods, or one of OpenRLHF's estimators, which becomes the base.
        typed: our other options.
        bases: OpenRLHF's estimators.
    """
    ours, values = estimator in METHODS, dict(typed.settings)
    for key in ("diversity", "measure", "method"):
        if key in values:
            name = values[key]
            instead = OPENRLHF("method" if name in METHODS else "measure", name)
            raise UserError(f"{PREFIX}{key} does not exist. Write {instead}.")
    if not ours and typed.measure is None:
        if values:
            raise UserError(
                f"{PREFIX}{next(iter(values))} has no effect with {ESTIMATOR} {estimator}. Add {OPENRLHF('measure', 'dpp')}, "
                f"or use {ESTIMATOR} {' or '.join(METHODS)}."
            )
        return None
    if typed.measure is not None:
        values["measure"] = typed.measure
    if ours:
        values = {"method": estimator, "base": BASE} | values
    elif values.setdefault("base", estimator) != estimator:
        raise UserError(
            f"Two base estimators: {ESTIMATOR} {estimator} and {PREFIX}base {values['base']}. Drop the second, or write "
            f"{ESTIMATOR} dqo {OPENRLHF('base', values['base'])}."
        )
    settings = parse(values, OPENRLHF)
    if settings.base not in bases:
        raise UserError(
            f"{OPENRLHF('base', settings.base)} is not one of OpenRLHF's estimators. Choose one of: {', '.join(bases)}."
        )
    return settings


def with_base(words: Sequence[str], base: str) -> list[str]:
    """The command line with the base in place of our methods, even where a later flag wins: OpenRLHF refuses their names."""
    found: list[str] = []
    for i, word in enumerate(words):
        flag, joined, value = word.partition("=")
        before = words[i - 1] if i else ""
        if joined and value in METHODS and _is_estimator(flag):
            found.append(f"{flag}={base}")
        else:
            found.append(base if word in METHODS and _is_estimator(before) else word)
    return found


def _is_estimator(flag: str) -> bool:
    """Whether it is the estimator's flag, also abbreviated, as argparse allows."""
    return flag.startswith("--algo.advantage.e") and ESTIMATOR.startswith(flag)


def read(values: Mapping[str, Any]) -> Settings:
    """The settings that `resolve` completed, read in another process."""
    return parse(values, OPENRLHF)
