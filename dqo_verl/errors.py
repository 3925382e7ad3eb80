"""The error for everything that a user can fix: its message says what is wrong and what to type instead."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


class UserError(ValueError):
    """A setting, option, file or model cannot work. Commands print only the message, without a traceback."""


def plainly(command: str, run: Callable[[], int | None]) -> int:
    """Call `run` and return its exit status; on a `UserError`, print the message without a traceback and return 2."""
    try:
        return run() or 0
    except UserError as error:
        print(f"{command}: {error}", file=sys.stderr)
        return 2


@contextmanager
def opening(path: Path) -> Iterator[None]:
    """Turn an error in reading or writing a file, or in decoding it as UTF-8, into a `UserError` that names the file."""
    try:
        yield
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not a text in UTF-8") from error
