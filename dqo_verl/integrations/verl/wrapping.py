"""Our code around a function of verl's modules."""

import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any


def wrap_function(module: ModuleType, name: str, around: Callable[..., Any]) -> None:
    """`module.name(...)` becomes `around(original, ...)`.

    A plain function under the original's name, which Ray pickles by that name: the actors of verl's older trainers refer to
    such functions, and wrapt's proxies cannot be pickled. Methods, which travel with their class, are wrapped by wrapt.
    """
    original = getattr(module, name)

    @functools.wraps(original)
    def function(*args: Any, **kwargs: Any) -> Any:
        return around(original, *args, **kwargs)

    setattr(module, name, function)
