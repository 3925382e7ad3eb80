"""Wraps a trainer's function or method in our code."""

import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any


def wrap(module: ModuleType, name: str, around: Callable[..., Any]) -> None:
    """Replace `module.function` or `module.Class.method` with `around(original, ...)`, which gets a method's object second.

    The replacement is a plain function with the original's name, so Ray pickles it by name. A wrapper of wrapt cannot be
    pickled, or is pickled without our code: verl's asynchronous trainers are Ray actors, and Ray pickles their class and base
    class in parts.
    """
    *owners, attribute = name.split(".")
    owner: Any = functools.reduce(getattr, owners, module)
    original = getattr(owner, attribute)

    @functools.wraps(original)
    def function(*args: Any, **kwargs: Any) -> Any:
        return around(original, *args, **kwargs)

    setattr(owner, attribute, function)
