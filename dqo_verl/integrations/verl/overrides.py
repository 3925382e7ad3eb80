"""The Hydra overrides that the user typed after verl's command."""

import sys
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any


def command() -> str:
    """The module that was started, as in `python -m verl.trainer.main_ppo`; empty for a script."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return spec.name if spec is not None else ""


def typed() -> dict[str, Any]:
    """Dotted key -> value of every override. The last one of a key counts; `key={a: 1}` counts as `key.a=1`."""
    return _read(adding=False)


def added() -> dict[str, Any]:
    """Only the overrides with a plus sign, whose keys verl's config need not have."""
    return _read(adding=True)


def _read(adding: bool) -> dict[str, Any]:
    from hydra.core.hydra_config import HydraConfig

    # a config composed by a program has no command line
    if not HydraConfig.initialized():
        return {}
    chosen = [
        one
        for one in _parsed(tuple(HydraConfig.get().overrides.task))
        if not one.is_delete() and (one.is_add() or one.is_force_add() or not adding)
    ]
    return {key: value for one in chosen for key, value in _leaves(one.key_or_group, one.value())}


@lru_cache(maxsize=1)
def _parsed(overrides: tuple[str, ...]) -> list[Any]:
    from hydra.core.override_parser.overrides_parser import OverridesParser

    return OverridesParser.create().parse_overrides(list(overrides))


def _leaves(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for inner, one in value.items():
            yield from _leaves(f"{key}.{inner}", one)
    else:
        yield key, value
