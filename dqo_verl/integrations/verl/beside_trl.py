"""Lets verl run in an environment where TRL 1.x is installed.

verl up to 0.9.1 patches TRL's value-head model if TRL is installed. TRL 1.x no longer has this model, so every worker would
end with an ImportError. With the hook, verl sees TRL as not installed; it uses TRL for nothing else.
"""

from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from dqo_verl.integrations.wrapping import wrap

# where TRL's releases had the model with a value head
VALUE_HEAD = ("experimental/ppo", "models/modeling_value_head.py")


def hook(import_utils: ModuleType) -> None:
    def is_trl_available(original: Any) -> bool:
        return original() and has_value_head()

    wrap(import_utils, "is_trl_available", is_trl_available)


def has_value_head() -> bool:
    """Whether TRL's files contain the model; importing TRL would take seconds."""
    spec = find_spec("trl")
    folders = [Path(folder) for folder in (spec and spec.submodule_search_locations) or []]
    return any((folder / place).exists() for folder in folders for place in VALUE_HEAD)
