"""Our code around a function or method of verl's."""

import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any


def wrap(module: ModuleType, name: str, around: Callable[..., Any]) -> None:
    """`module.function(...)` or `module.Class.method` becomes `around(original, ...)`; a method's first argument is the object.

    A plain function under the original's name, which Ray pickles by that name. What wrapt puts in its place cannot be pickled,
    or is pickled without us: verl's asynchronous trainers are Ray actors, whose class and base travel in pieces.
    """
    *owners, attribute = name.split(".")
    owner: Any = functools.reduce(getattr, owners, module)
    original = getattr(owner, attribute)

    @functools.wraps(original)
    def function(*args: Any, **kwargs: Any) -> Any:
        return around(original, *args, **kwargs)

    setattr(owner, attribute, function)
