"""One error for whatever a user can mend: its message says what is wrong and what to type instead."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


class UserError(ValueError):
    """A setting, an option, a file or a model that cannot work. A command line prints the message alone."""


def plainly(command: str, run: Callable[[], int | None]) -> int:
    """The exit status of `run`: its own, or 2 after the message of a `UserError`, without a traceback."""
    try:
        return run() or 0
    except UserError as error:
        print(f"{command}: {error}", file=sys.stderr)
        return 2


@contextmanager
def opening(path: Path) -> Iterator[None]:
    """A file that a user named and that cannot be read or written, or is no text, is named in one message."""
    try:
        yield
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not a text in UTF-8") from error
