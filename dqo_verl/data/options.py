"""Options of `dqo-verl prepare`."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from dqo_verl.data.sources import SOURCES
from dqo_verl.flags import unset


@dataclass(frozen=True)
class Prepare:
    """Write a public data set as parquet files for verl, each with a JSON file that records its origin."""

    name: Positional[Annotated[str, arg(metavar="NAME", help=f"One of: {', '.join(SOURCES)}.")]]
    out: Annotated[Path | None, unset("~/.cache/dqo_verl/data/NAME, NAME-limitN with --limit", "FOLDER")] = None
    """Folder for the files."""
    source: Annotated[str | None, unset("the hub id of the set", "PLACE")] = None
    """Jsonl or parquet file, folder, saved data set or hub id; to use a mirror of the hub, set HF_ENDPOINT=URL."""
    revision: Annotated[str | None, unset("the newest", "NAME")] = None
    """Commit, tag or branch on the hub."""
    seed: Annotated[int, arg(metavar="N")] = 0
    """Seed of the random draws."""
    limit: Annotated[int | None, unset("all", "N")] = None
    """Maximum number of rows per file, for a quick try."""
    force: bool = False
    """Rebuild files that exist already."""

    @property
    def directory(self) -> Path:
        # the recipes use the folder NAME as the whole data set
        name = f"{self.name}-limit{self.limit}" if self.limit else self.name
        cache = os.environ.get("DQO_VERL_CACHE") or "~/.cache/dqo_verl"
        return (self.out or Path(cache) / "data" / name).expanduser()
