"""verl and TRL in one environment.

verl up to 0.9.1 patches TRL's model with a value head wherever TRL is installed, and every worker ends with an ImportError where that
model is gone, as it is in TRL 1.x. verl then behaves as if TRL were not there, which is all that it uses it for.
"""

from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from dqo_verl.integrations.wrapping import wrap

# where TRL's releases have had it
VALUE_HEAD = ("experimental/ppo", "models/modeling_value_head.py")


def hook(import_utils: ModuleType) -> None:
    def is_trl_available(original: Any) -> bool:
        return original() and has_value_head()

    wrap(import_utils, "is_trl_available", is_trl_available)


def has_value_head() -> bool:
    """Looked for in TRL's files: to import it takes seconds."""
    spec = find_spec("trl")
    folders = [Path(folder) for folder in (spec and spec.submodule_search_locations) or []]
    return any((folder / place).exists() for folder in folders for place in VALUE_HEAD)
