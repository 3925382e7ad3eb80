"""Safe writing: a result file appears only when it is complete, and a file written line by line has one writer."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from dqo_verl.errors import UserError


@contextmanager
def written(path: Path) -> Iterator[TextIO]:
    """Write to a temporary file that replaces `path` once it is complete; an error or a crash leaves `path` unchanged."""
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
    """Append to a locked file. A second process is refused, because it would cut off the last line of the first one."""
    with path.open("a", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                f"{path}: another process is writing to it. Wait until it ends, or name another file."
            ) from None
        yield file
