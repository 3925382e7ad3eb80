"""Types for the fields of commands whose plain type, default and docstring do not describe the option fully."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from tyro.conf import Positional, arg
from tyro.constructors import PrimitiveConstructorSpec


def unset(meaning: str, metavar: str | None = None) -> object:
    """For an option that is None by default: `meaning` is what its help shows as the default."""
    return arg(metavar=metavar, help_behavior_hint=f"(default: {meaning})")


def _at_least_one(kind: Callable[[str], Any], metavar: str) -> PrimitiveConstructorSpec[Any]:
    def read(typed: list[str]) -> tuple[Any, ...]:
        if not typed:
            raise ValueError("at least one is needed")
        return tuple(kind(word) for word in typed)

    return PrimitiveConstructorSpec(
        nargs="*",
        metavar=f"{metavar} ...",
        instance_from_str=read,
        is_instance=lambda value: isinstance(value, tuple),
        str_from_instance=lambda value: [str(one) for one in value],
    )


def _named(typed: str) -> Path:
    """Resolve `.` and `..`, because results are named after the last part of the path."""
    path = Path(typed)
    return path.resolve() if path.name in ("", "..") else path


Places = Annotated[tuple[str, ...], _at_least_one(str, "PLACE")]
Numbers = Annotated[tuple[float, ...], _at_least_one(float, "X")]
# positional arguments
Inputs = Positional[
    Annotated[tuple[Path, ...], _at_least_one(_named, ""), arg(metavar="PATH ...", help_behavior_hint="(required)")]
]
Runs = Positional[
    Annotated[tuple[str, ...], _at_least_one(str, ""), arg(metavar="[NAME=]RUN ...", help_behavior_hint="(required)")]
]
Json = Annotated[
    dict[str, Any] | None,
    PrimitiveConstructorSpec(
        nargs=1,
        metavar="J",
        instance_from_str=lambda typed: json.loads(typed[0]),
        is_instance=lambda value: value is None or isinstance(value, dict),
        str_from_instance=lambda value: [json.dumps(value)],
    ),
]
