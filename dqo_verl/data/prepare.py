"""Build the files of a data set: read, filter, draw, check, write. A file appears only when it is complete."""

# mypy: disable-error-code="import-untyped"

import json
import os
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dqo_verl.data.load import WRITTEN_HERE, load
from dqo_verl.data.options import Prepare
from dqo_verl.data.schema import Row, arrow_schema, check_row
from dqo_verl.data.sources import Example, Source, named
from dqo_verl.errors import UserError
from dqo_verl.provenance import versions

ROWS_AT_ONCE = 1000


def prepare(options: Prepare) -> list[Path]:
    """Write SPLIT.parquet and SPLIT.json for every split. Finished files are not changed."""
    if options.limit is not None and options.limit < 1:
        raise UserError(f"--limit {options.limit}: at least 1 is needed")
    name, out, source = options.name, options.directory, named(options.name)
    place = options.source or source.hub or WRITTEN_HERE
    asked = {
        "data_set": name,
        "source": place,
        "asked_revision": options.revision,
        "seed": options.seed,
        "limit": options.limit,
    }
    todo = [split for split in source.splits if not _finished(out / f"{split}.json", asked, options.force)]
    if todo:
        out.mkdir(parents=True, exist_ok=True)
        tables, exact = load(source, place, options.revision)
        missing = [split for split in todo if source.splits[split] not in tables]
        if missing == todo:
            wanted = ", ".join(sorted({source.splits[split] for split in missing}))
            raise UserError(f"{place} has the splits {', '.join(tables)}, but {name} is made from {wanted}")
        for split in missing:
            print(f"{place} has no split {source.splits[split]}: {split}.parquet is not written", flush=True)
            todo.remove(split)
        for split in todo:
            _build(source, name, split, tables[source.splits[split]], out, asked | {"revision": exact})
    return [out / f"{split}.parquet" for split in source.splits if (out / f"{split}.parquet").is_file()]


def _finished(record: Path, asked: dict[str, Any], force: bool) -> bool:
    """True if the file is complete and was made the same way."""
    if force or not record.is_file() or not record.with_suffix(".parquet").is_file():
        return False
    made = json.loads(record.read_text())
    for key, value in asked.items():
        if made.get(key) != value:
            raise UserError(
                f"{record.with_suffix('.parquet')} was made with {key}={made.get(key)}, not {value}. "
                "Add --force to rebuild it, or choose another --out."
            )
    print(f"{record.with_suffix('.parquet')}: {made['rows']:,} rows, already there", flush=True)
    return True


def _build(source: Source, name: str, split: str, table: Any, out: Path, record: dict[str, Any]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq
    from tqdm import tqdm

    where = f"{record['source']}, split {source.splits[split]}"
    kept, dropped = _filter(source, table, where)
    chosen = _choose(source, split, kept, record["seed"])[: record["limit"]]
    if not chosen:
        raise UserError(f"{where}: none of its {len(table)} rows can be used: {dict(dropped)}")
    parquet, note = out / f"{split}.parquet", out / f"{split}.json"
    note.unlink(missing_ok=True)
    unfinished = out / f".{split}.parquet.unfinished"
    try:
        with pq.ParquetWriter(unfinished, arrow_schema()) as writer:
            rows = _rows(source, name, split, table, chosen)
            bar = tqdm(rows, total=len(chosen), desc=f"{name}: writing {parquet.name}", unit=" rows", disable=None)
            batch: list[Row] = []
            for row in bar:
                batch.append(row)
                if len(batch) == ROWS_AT_ONCE:
                    writer.write_table(pa.Table.from_pylist(batch, schema=arrow_schema()))
                    batch = []
            writer.write_table(pa.Table.from_pylist(batch, schema=arrow_schema()))
        os.replace(unfinished, parquet)
    finally:
        unfinished.unlink(missing_ok=True)
    record |= {
        "split": source.splits[split],
        "licence": source.licence,
        "rows": len(chosen),
        "rows_read": len(table),
        "rows_left_out": dict(dropped),
        "rows_after_filters": len(kept),
        "chosen_by_us": source.ours,
        "made_with": versions(("datasets", "pyarrow")),
    }
    unfinished.write_text(json.dumps(record, indent=2) + "\n")
    os.replace(unfinished, note)
    print(f"{parquet}: {len(chosen):,} of {len(table):,} rows", flush=True)
    if source.size and len(chosen) < source.size and not record["limit"]:
        print(f"  fewer than the paper's {source.size:,} rows: no more rows pass the filters", flush=True)


def _filter(source: Source, table: Any, where: str) -> tuple[list[int], Counter[str]]:
    """The numbers of the rows that are kept, and how many were left out for each reason."""
    from tqdm import tqdm

    kept: list[int] = []
    dropped: Counter[str] = Counter()
    seen: set[int] = set()
    for number, raw in enumerate(tqdm(table, desc=f"reading {where}", unit=" rows", disable=None)):
        try:
            example = source.convert(raw)
        except UserError as error:
            raise UserError(f"{where}, row {number}, {error}") from None
        if isinstance(example, str):
            dropped[example] += 1
        elif source.unique and hash(example.prompt) in seen:
            dropped["repeats an earlier prompt"] += 1
        else:
            seen.add(hash(example.prompt))
            kept.append(number)
    return kept, dropped


def _choose(source: Source, split: str, kept: list[int], seed: int) -> list[int]:
    """The rows of one file. They are drawn with the seed if the data set is a sample or has no test split."""
    if source.size is not None:
        return random.Random(seed).sample(kept, min(source.size, len(kept)))
    if source.held_out:
        held_out = set(random.Random(seed).sample(kept, min(source.held_out, len(kept) // 2)))
        return [number for number in kept if (number in held_out) == (split == "test")]
    return kept


def _rows(source: Source, name: str, split: str, table: Any, chosen: list[int]) -> Iterator[Row]:
    for index, number in enumerate(chosen):
        example = source.convert(table[number])
        assert isinstance(example, Example)
        messages = [{"role": "user", "content": example.prompt}]
        row: Row = {
            "data_source": source.data_source or name,
            "prompt": messages,
            "ability": source.ability,
            "reward_model": {"style": source.style, "ground_truth": example.answer},
            "extra_info": {"split": split, "index": index, "id": example.id or str(number), "prompt": messages},
        }
        try:
            check_row(row)
        except UserError as error:
            raise UserError(f"{name}/{split}, row {index} (row {number} of the source), {error}") from None
        yield row
