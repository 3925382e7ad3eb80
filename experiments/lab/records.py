"""All runs as one compressed table: a row for each run and each step that was evaluated."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

RECORDS = Path(__file__).parent / "evidence/records.parquet"
KEY = ["task", "row", "seed", "step"]


def read(file: Path = RECORDS) -> pd.DataFrame:
    return pd.read_parquet(file) if file.exists() else pd.DataFrame(columns=KEY)


def done(table: pd.DataFrame) -> set[tuple[str, str, int]]:
    return set(table[KEY[:3]].drop_duplicates().itertuples(index=False, name=None))


def add(runs: Iterable[dict[str, Any]], file: Path = RECORDS) -> None:
    """Add runs, in the form of `sweep.one_run`. The file is replaced atomically."""
    new = pd.DataFrame(
        {"task": run["task"], "row": run["row"], "seed": run["seed"], "step": step, **found, "seconds": run["seconds"]}
        for run in runs
        for step, found in run["curves"].items()
    )
    table = pd.concat([read(file), new], ignore_index=True) if file.exists() else new
    floats = {name: "float32" for name in table.columns if name not in KEY}
    table = table.astype(floats).drop_duplicates(KEY, keep="last").sort_values(KEY, ignore_index=True)
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial")
    table.to_parquet(partial, compression="zstd", index=False)
    partial.rename(file)
