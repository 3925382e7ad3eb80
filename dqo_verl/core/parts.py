"""Parts of a method. A part owns its parameters, with their types, bounds and defaults; users type them as flat keys.

    class Gaussian(Kernel):
        name = "gaussian"
        bandwidth: float = Field(1.0, gt=0)

`kernel=gaussian bandwidth=0.5` builds it. `build` gives a part the keys that it owns; `settings.parse` refuses keys that no
part of the run owns. pydantic checks the values, and `UserError` says what is wrong in the syntax of the user's command line.
"""

import re
import types
import typing
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, PrivateAttr, ValidationError
from pydantic.fields import FieldInfo

from dqo_verl.core.spelling import PLAIN, Spelling
from dqo_verl.errors import UserError

P = TypeVar("P", bound="Part")


class Part(BaseModel):
    """A frozen, strict model: it refuses unknown keys, text in place of a number, and values that are not finite."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )
    _spelling: Spelling = PrivateAttr(PLAIN)

    @property
    def spelling(self) -> Spelling:
        """How the user of this run types settings."""
        return self._spelling

    def spell(self, key: str, value: Any) -> str:
        """What the user of this run would type for `key` = `value`."""
        return self._spelling(key, value)

    def flat(self) -> dict[str, Any]:
        """All values by the keys that a user types; a choice appears as its name, followed by its own parameters."""
        found: dict[str, Any] = {}
        for key in type(self).model_fields:
            value = getattr(self, key)
            if isinstance(value, Choice):
                found |= {key: value.name}
            if isinstance(value, Part):
                found |= value.flat()
            else:
                found[key] = list(value) if isinstance(value, tuple) else value
        return found


class Choice(Part):
    """One of several alternatives, picked by its name. A direct subclass is a family, with its members in `choices`."""

    name: ClassVar[str]
    choices: ClassVar[dict[str, type["Choice"]]]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if Choice in cls.__bases__:
            cls.choices = {}
        elif "name" in vars(cls):
            taken = cls.choices.get(cls.name)
            if taken is not None and taken.__module__.startswith("dqo_verl.") and taken.__module__ != cls.__module__:
                raise UserError(
                    f"{cls.__module__}.{cls.__name__}: the name {cls.name!r} belongs to {taken.__module__}. Choose another."
                )
            cls.choices[cls.name] = cls


def build(kind: type[P], typed: Mapping[str, Any], spelling: Spelling = PLAIN) -> P:
    """Builds a part from the keys that it and the choices within it own. Ignores other keys."""
    values: dict[str, Any] = {}
    for key, field in kind.model_fields.items():
        family = field.annotation
        if isinstance(family, type) and issubclass(family, Choice):
            # a family, or the one member of it that this part requires
            choices = {family.name: family} if "name" in vars(family) else family.choices
            name = typed.get(key, family.name if field.is_required() else field.default.name)
            values[key] = build(pick(choices, key, name, spelling), typed, spelling)
        elif key in typed:
            # Configs have lists where parts have tuples.
            is_list_for_tuple = isinstance(typed[key], list) and typing.get_origin(family) is tuple
            values[key] = tuple(typed[key]) if is_list_for_tuple else typed[key]
    return make(kind, values, spelling)


def make(kind: type[P], values: Mapping[str, Any], spelling: Spelling) -> P:
    """`kind(**values)`, or a `UserError` that says what to type."""
    try:
        part = kind(**values)
    except ValidationError as error:
        raise UserError(_reworded(error, kind, spelling)) from None
    part._spelling = spelling
    return part


def pick(choices: Mapping[str, Any], key: str, name: Any, spelling: Spelling) -> Any:
    """The choice of that name."""
    if isinstance(name, str) and name in choices:
        return choices[name]
    raise UserError(f"{spelling(key, name)} is not known.{did_you_mean(key, name, choices, spelling)}")


def did_you_mean(key: str, name: Any, choices: Mapping[str, Any], spelling: Spelling) -> str:
    close = get_close_matches(str(name), choices, n=1)
    hint = f" Did you mean {spelling(key, close[0])}?" if close else ""
    return f"{hint} Choose one of: {', '.join(sorted(choices))}."


def one_of(names: Sequence[str]) -> str:
    """`a, b or c`."""
    return " or ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def _reworded(error: ValidationError, kind: type[Part], spelling: Spelling) -> str:
    """The first of pydantic's errors, in the syntax of the command line."""
    found = error.errors()[0]
    # Our own validators write the whole message, with {key=value} where a setting stands.
    if found["type"] == "value_error":
        return re.sub(r"{(\w+)=([^}]*)}", lambda one: spelling(one[1], one[2]), str(found["ctx"]["error"]))
    if not found["loc"]:
        return str(found["msg"])
    key = str(found["loc"][0])
    field, value = kind.model_fields[key], found["input"]
    typed = spelling(key, "null" if value is None else list(value) if isinstance(value, tuple) else value)
    if found["type"] == "missing":
        return f"{getattr(kind, 'name', kind.__name__)} needs {spelling(key, '...')}: {field.description}"
    if found["type"] == "literal_error":
        return f"{typed} is not known. Choose one of: {', '.join(map(str, typing.get_args(field.annotation)))}."
    if found["type"] == "finite_number":
        return f"{typed} must be a finite number."
    if found["type"].startswith(("greater_than", "less_than")):
        return f"{typed} must be {_bounds(field)}."
    if found["type"].endswith("_type") and len(found["loc"]) == 1:
        shown, kind_of_value = ("null", "null") if value is None else (repr(value), type(value).__name__)
        return f"{spelling(key, shown)} must be {_type_name(field.annotation)}, not {kind_of_value}."
    return f"{typed}: {found['msg'].removesuffix('.')}."


BOUNDS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}


def _bounds(field: FieldInfo) -> str:
    """`between 0 and 1`, `at least 0`, `above 0 and below 1`."""
    found = {name: getattr(one, name) for name in BOUNDS for one in field.metadata if hasattr(one, name)}
    if found.keys() == {"ge", "le"}:
        return f"between {found['ge']:g} and {found['le']:g}"
    return " and ".join(f"{BOUNDS[name]} {value:g}" for name, value in found.items())


def _type_name(annotation: Any) -> str:
    kinds = typing.get_args(annotation) if isinstance(annotation, types.UnionType) else (annotation,)
    return " or ".join("null" if kind is types.NoneType else getattr(kind, "__name__", str(kind)) for kind in kinds)
