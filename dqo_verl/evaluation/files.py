"""Files of responses: which ones a path names, and their lines or rows, plain, gzipped or in parquet."""

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from dqo_verl.errors import UserError


def files_of(path: Path) -> Iterator[Path]:
    """The file itself, or every `.jsonl` (packed or not) of a folder, or else every `.parquet` (one per step, often)."""
    if path.is_file():
        yield path
        return
    for endings in ((".jsonl", ".jsonl.gz"), (".parquet",)):
        found = [file for file in path.iterdir() if file.name.endswith(endings)] if path.is_dir() else []
        if found:
            yield from sorted(found, key=lambda file: (len(name_of(file)), name_of(file)))
            return
    raise UserError(f"{path}: no such file, and no folder with .jsonl or .parquet files in it")


def name_of(path: Path) -> str:
    """The name of a folder, or that of a file without its endings."""
    return path.name if path.is_dir() else Path(path.name.removesuffix(".gz")).stem


def meta_of(file: Path) -> Path:
    """Where `dqo-verl sample` says how a file was made."""
    return file.with_name(f"{name_of(file)}.meta.json")


def lines_of(file: Path) -> Iterable[bytes | dict[str, Any]]:
    """The stripped lines of a file, or the rows of a table."""
    return _table(file) if file.suffix == ".parquet" else _lines(file)


def _table(file: Path) -> list[dict[str, Any]]:
    import pyarrow.lib  # type: ignore[import-untyped,unused-ignore]
    import pyarrow.parquet  # type: ignore[import-untyped,unused-ignore]

    try:
        rows: list[dict[str, Any]] = pyarrow.parquet.read_table(file).to_pylist()
    except pyarrow.lib.ArrowException as error:
        raise UserError(f"{file}: cannot be read as parquet ({error})") from error
    return rows


def _lines(file: Path) -> Iterator[bytes]:
    """The stripped lines of a plain or gzipped file; its first bytes decide which, not its name."""
    with file.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
    with gzip.open(file) if packed else file.open("rb") as lines:
        try:
            yield from map(bytes.strip, lines)
        except (EOFError, zlib.error) as error:
            raise UserError(f"{file}: the gzip file is damaged or cut off ({error})") from error


def parsed(line: bytes) -> Any:
    """The JSON value of a line in UTF-8, with or without a byte order mark."""
    text = line.decode("utf-8-sig")
    try:
        row = json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    # JSON can spell lone surrogates (halves of characters), which UTF-8 cannot encode
    if "\\ud" in text.lower():
        try:
            json.dumps(row, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"contains half of a character (a lone surrogate): {error.reason}") from None
    return row
