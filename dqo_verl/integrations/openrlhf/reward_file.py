"""Allows `--reward.remote_url pkg://dqo_verl.rewards.gsm8k`, a module's name as in verl, where OpenRLHF accepts only a file."""

import importlib.util
from collections.abc import Sequence

from dqo_verl.errors import UserError

FLAG, SCHEME = "--reward.remote_url", "pkg://"


def as_file(words: Sequence[str]) -> list[str]:
    """The command line with the module's file in place of its name."""
    found: list[str] = []
    for i, word in enumerate(words):
        flag, joined, value = word.partition("=")
        if flag == FLAG and joined and value.startswith(SCHEME):
            found.append(f"{FLAG}={_file_of(value)}")
        elif word.startswith(SCHEME) and i and words[i - 1] == FLAG:
            found.append(_file_of(word))
        else:
            found.append(word)
    return found


def _file_of(name: str) -> str:
    module = name.removeprefix(SCHEME)
    try:
        found = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        found = None
    if found is None or not (found.origin or "").endswith(".py"):
        raise UserError(f"{FLAG} {name}: there is no such module. Is it installed, or on the PYTHONPATH?")
    return str(found.origin)
