"""Loads the rows of a data set from the hub (or the mirror in HF_ENDPOINT), a local file, a directory or a saved dataset."""

# mypy: disable-error-code="import-untyped"

import hashlib
import os
import re
from pathlib import Path
from typing import Any

from dqo_verl.data.sources import Source
from dqo_verl.errors import UserError

WRITTEN_HERE = "written here"
READERS = {".jsonl": "json", ".json": "json", ".parquet": "parquet"}


def load(source: Source, place: str, revision: str | None) -> tuple[dict[str, Any], str]:
    """The splits under the source's own names, and the exact revision that was read (a commit, or a hash of the content)."""
    import datasets

    if source.rows is not None:
        if place != WRITTEN_HERE or revision:
            raise UserError("this data set is part of dqo_verl: leave out --source and --revision")
        return {split: datasets.Dataset.from_list(rows) for split, rows in source.rows.items()}, WRITTEN_HERE
    path = Path(place).expanduser()
    if path.exists() and revision:
        raise UserError(
            f"--revision {revision} is for the hub, but --source {place} is on this machine: leave out --revision"
        )
    if path.is_file():
        return _read_files({_split_of(path, source): [path]}), "sha256:" + _sha256(path)
    if path.is_dir():
        found = _read_directory(path, source)
        return found, "fingerprint:" + ",".join(split._fingerprint for split in found.values())
    if place.startswith((".", "/", "~")) or path.suffix in READERS:
        raise UserError(f"--source {place}: there is no such file or directory")
    return _from_hub(source, place, revision)


def _read_directory(path: Path, source: Source) -> dict[str, Any]:
    """Read the output of `save_to_disk`, a clone of the hub's repository, or files named after the splits."""
    import datasets

    if (path / "dataset_dict.json").is_file():
        return dict(datasets.load_from_disk(str(path)))
    if (path / "state.json").is_file():
        return {_split_of(path, source): datasets.load_from_disk(str(path))}
    if (path / "README.md").is_file():
        return dict(datasets.load_dataset(str(path), source.config))
    files = sorted(file for file in path.iterdir() if file.suffix in READERS)
    if len(files) == 1:
        return _read_files({_split_of(files[0], source): files})
    splits = {
        split: [file for file in files if split in _words(file)] for split in dict.fromkeys(source.splits.values())
    }
    if not any(splits.values()):
        wanted = " or ".join(f"{split}.jsonl" for split in splits)
        raise UserError(
            f"--source {path}: none of its data files is named after a split (expected {wanted}, or .parquet)"
        )
    return _read_files({split: files for split, files in splits.items() if files})


def _split_of(path: Path, source: Source) -> str:
    """The split of a single table: the one that its file name mentions, or the only one of the data set."""
    theirs = set(source.splits.values())
    spoken_of = theirs & _words(path)
    if len(spoken_of) == 1:
        return spoken_of.pop()
    if len(theirs) == 1:
        return theirs.pop()
    raise UserError(
        f"--source {path}: which split is it? Name it after one of {', '.join(sorted(theirs))} "
        f"(e.g. {sorted(theirs)[0]}{path.suffix}), or give a directory with one file per split."
    )


def _words(path: Path) -> set[str]:
    return set(re.split(r"[^a-z0-9]+", path.stem.lower()))


def _read_files(files: dict[str, list[Path]]) -> dict[str, Any]:
    """Read each split separately, because the files of two splits may have different columns."""
    import datasets

    tables = {}
    for split, paths in files.items():
        kinds = {READERS.get(path.suffix, path.suffix) for path in paths}
        names = [str(path) for path in paths]
        if len(kinds) != 1 or not kinds <= set(READERS.values()):
            raise UserError(f"--source {', '.join(names)}: expected files of one type ({', '.join(READERS)})")
        try:
            tables[split] = datasets.load_dataset(kinds.pop(), data_files=names, split="train")
        except datasets.exceptions.DatasetGenerationError as error:
            raise UserError(f"--source {', '.join(names)} cannot be read: {error.__cause__ or error}") from error
    return tables


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _from_hub(source: Source, repository: str, revision: str | None) -> tuple[dict[str, Any], str]:
    import datasets
    import httpx
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    try:
        commit = HfApi().dataset_info(repository, revision=revision).sha
    except (HfHubHTTPError, httpx.HTTPError, OSError) as error:
        raise UserError(
            f"could not load {repository} from {os.environ.get('HF_ENDPOINT', 'https://huggingface.co')} "
            f"({type(error).__name__}). Give a copy with --source PATH, or a mirror with HF_ENDPOINT=https://..."
        ) from error
    found = datasets.load_dataset(repository, source.config, revision=commit)
    return dict(found), f"commit:{commit}"
