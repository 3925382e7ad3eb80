"""Reads labelled pairs from files, directories or the hub, and refuses pairs that a classifier cannot learn from."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dqo_verl.data.load import load
from dqo_verl.data.schema import wrong
from dqo_verl.data.sources import Example, Source
from dqo_verl.errors import UserError, opening

# These are NoveltyBench's names (arXiv 2504.05228).
FIELDS = ("prompt", "generation_0", "generation_1", "similar")
# How many bad rows a message names.
SHOWN = 5


@dataclass(frozen=True)
class LabelledPair:
    prompt: str
    a: str
    b: str
    # 1 if the responses are functionally the same, else 0.
    similar: int


def parse(row: Mapping[str, Any]) -> LabelledPair:
    """Check one row; the error says which field is wrong and what was found."""
    for field in FIELDS:
        if row.get(field) is None:
            raise UserError(f"field {field} is missing; the row has: {', '.join(k for k in row if row[k] is not None)}")
    for field in FIELDS[:3]:
        if not isinstance(row[field], str):
            raise wrong(field, "text", row[field])
    for field in ("generation_0", "generation_1"):
        if not row[field].strip():
            raise wrong(field, "non-blank text (a blank response is never the same as another)", row[field])
    if row["similar"] not in (0, 1):
        raise wrong("similar", "1 (the same) or 0 (different)", row["similar"])
    return LabelledPair(row["prompt"], row["generation_0"], row["generation_1"], int(row["similar"]))


def check(rows: Iterable[Mapping[str, Any]], where: str) -> list[LabelledPair]:
    """Check all rows, and raise one error that names the first bad ones."""
    pairs = []
    problems = []
    for number, row in enumerate(rows, start=1):
        try:
            pairs.append(parse(row))
        except UserError as error:
            problems.append(f"row {number}: {error}")
    if problems:
        more = f"\n  ... and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
        raise UserError(f"{where}: {len(problems)} bad pair(s):\n  " + "\n  ".join(problems[:SHOWN]) + more)
    return pairs


def read_pairs(place: str, split: str = "train") -> tuple[list[LabelledPair], str]:
    """The pairs of a jsonl or parquet file, a directory, a saved dataset or a hub id, and the revision that was read."""
    with opening(Path(place)):
        if Path(place).is_file() and not Path(place).read_bytes().strip():
            raise UserError(f"{place}: no pairs in it")
    tables, revision = load(_source(split), place, None)
    names = [name for name in tables if name == split] or list(tables)
    if len(names) != 1:
        raise UserError(
            f"{place} has the splits {', '.join(tables)} and none named {split}: choose one with PLACE:SPLIT"
        )
    return check(tables[names[0]], place), revision


def read_all(places: Sequence[str]) -> tuple[list[LabelledPair], dict[str, str]]:
    """Read several places in order; `PLACE:SPLIT` picks a split of a data set."""
    pairs: list[LabelledPair] = []
    revisions = {}
    for place in places:
        name, colon, split = place.rpartition(":")
        if not colon or Path(place).exists():
            name, split = place, "train"
        elif Path(name).is_file():
            raise UserError(f"{place}: a file has no splits. Write {name}")
        found, revisions[place] = read_pairs(name, split)
        pairs += found
    return pairs, revisions


def check_both_classes(pairs: Sequence[LabelledPair], what: str) -> None:
    counts = [sum(pair.similar == label for pair in pairs) for label in (0, 1)]
    if 0 in counts:
        raise UserError(
            f"{what}: all {len(pairs)} pairs are {'similar' if counts[1] else 'different'}; "
            "a classifier needs pairs of both kinds."
        )


def _source(split: str) -> Source:
    """The description that `dqo_verl.data.load` needs: a table with one split and no conversion."""
    return Source(
        hub=None, splits={split: split}, licence="", convert=lambda _: Example("", ""), ability="", style="model"
    )
