"""Loads an object of the user from `path/to/file.py:name`, `package.module:name` or `pkg://package.module:name`."""

import hashlib
import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

from dqo_verl.errors import UserError

# prefix of the names of modules that are loaded by path
LOADED = "dqo_verl_loaded_"


def load(place: str, typed: str) -> Any:
    """The object at `place`; `typed` is what the user wrote, for the message."""
    source, _, name = place.removeprefix("pkg://").rpartition(":")
    if not source or not name:
        raise UserError(f"{typed}: write it as path/to/file.py:NAME or package.module:NAME.")
    try:
        module = _from_file(Path(source).expanduser(), typed) if source.endswith(".py") else _from_package(source)
    except ModuleNotFoundError as error:
        raise UserError(f"{typed}: {error}. Is it installed, or on the PYTHONPATH?") from error
    if not hasattr(module, name):
        raise UserError(f"{typed}: {source} has no {name}.")
    return getattr(module, name)


def _from_package(source: str) -> Any:
    return importlib.import_module(source)


def file_of(module: str) -> str | None:
    """The file of a module that was loaded by path; None for a module that was imported by name."""
    return sys.modules[module].__file__ if module.startswith(LOADED) else None


def _from_file(file: Path, typed: str) -> Any:
    """Load the file once per process, under a module name made from its path."""
    if not file.is_file():
        raise UserError(f"{typed}: there is no file {file}.")
    file = file.resolve()
    name = f"{LOADED}{hashlib.blake2b(str(file).encode(), digest_size=8).hexdigest()}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
    return sys.modules[name]
