"""JSON lines that survive a crash: reading drops a last line that was cut off."""

import os
from pathlib import Path


def whole_lines(file: Path) -> list[str]:
    """The complete lines of a file; a last line that a crash cut off is removed from the file."""
    if not file.exists():
        return []
    content = file.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        os.truncate(file, len(whole))
    # `splitlines` would also split at other line separators, which texts may contain.
    return whole.decode().split("\n")[:-1]
