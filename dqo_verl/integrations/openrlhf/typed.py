"""A command line of OpenRLHF's with our words in it -> what was typed for us, and what is left for OpenRLHF.

--algo.advantage.estimator dqo       a method of ours, where OpenRLHF's own estimators stand
--reward.diversity dpp               a measure, on any of OpenRLHF's estimators
--algo.diversity.alpha 0.5           a setting of docs/settings.md
--train.device cpu                   the engine without a GPU
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
# what methods stand on: the group's mean is subtracted, nothing is divided
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
    """A command line, taken apart."""

    # what stands behind --algo.diversity
    settings: dict[str, Any] = field(default_factory=dict)
    measure: str | None = None
    device: str | None = None
    # what OpenRLHF is to see
    rest: list[str] = field(default_factory=list)


def take_apart(words: Sequence[str]) -> Typed:
    """Our flags may stand anywhere, as `--flag value` or `--flag=value`; of equal ones the last counts."""
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
            # a name: `none` is one of them
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
    """The settings of a run, or None if it has nothing to do with diversity. Raises `UserError` with what to type.

    Args:
        estimator: a method of ours, or one of OpenRLHF's estimators, which becomes the base.
        typed: what else was typed for us.
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
    """The command line with the base wherever a method of ours was typed: OpenRLHF refuses such a name even where a later one counts."""
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
    """Also where it is cut short, as argparse allows."""
    return flag.startswith("--algo.advantage.e") and ESTIMATOR.startswith(flag)


def read(values: Mapping[str, Any]) -> Settings:
    """The settings of a run that `resolve` completed, in another process."""
    return parse(values, OPENRLHF)
