"""JSON lines that survive a crash: written one by one, and read without a last one that was cut off."""

import os
from pathlib import Path


def whole_lines(file: Path) -> list[str]:
    """Lines of a file that is written line by line; a last one cut off by a crash is removed from the file."""
    if not file.exists():
        return []
    content = file.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        os.truncate(file, len(whole))
    # `splitlines` would also cut at the other line separators, which texts may hold.
    return whole.decode().split("\n")[:-1]
