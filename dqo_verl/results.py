"""Results move into place whole, and a file that is written line by line has one writer."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from dqo_verl.errors import UserError


@contextmanager
def written(path: Path) -> Iterator[TextIO]:
    """A file to write into, which is at its place when all is written; an error or the end of the process leaves what was there."""
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("w", encoding="utf-8") as file:
            yield file
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    part.replace(path)


@contextmanager
def appended(path: Path) -> Iterator[TextIO]:
    """A file to append lines to. A second process that wants to is refused: it would cut the first one's last line off."""
    with path.open("a", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                f"{path}: another process is writing to it. Wait for its end, or name another file."
            ) from None
        yield file
