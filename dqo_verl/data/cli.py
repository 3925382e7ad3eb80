"""`dqo-verl prepare NAME`."""

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from dqo_verl.data.sources import SOURCES


def add_commands(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "prepare",
        help="make a data set ready for verl",
        description="Read a public data set and write parquet files for verl, with their origin in a json beside each.",
        epilog="A mirror of the hub: HF_ENDPOINT=https://... dqo-verl prepare NAME",
    )
    parser.add_argument("name", choices=list(SOURCES), metavar="NAME", help=", ".join(SOURCES))
    parser.add_argument(
        "--out",
        type=Path,
        help="directory of the files (default: ~/.cache/dqo_verl/data/NAME, with --limit 100 NAME-limit100)",
    )
    parser.add_argument("--source", help="jsonl or parquet file, directory, saved dataset or hub id to read instead")
    parser.add_argument("--revision", help="commit, tag or branch on the hub (default: the newest)")
    parser.add_argument("--seed", type=int, default=0, help="of random draws (default: 0)")
    parser.add_argument("--limit", type=_positive, help="at most so many rows per file, for a try")
    parser.add_argument("--force", action="store_true", help="make finished files anew")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from dqo_verl.data.prepare import prepare
    from dqo_verl.errors import UserError

    cache = os.environ.get("DQO_VERL_CACHE") or "~/.cache/dqo_verl"
    name = f"{args.name}-limit{args.limit}" if args.limit else args.name  # the recipes take what lies under NAME
    out = args.out or Path(cache) / "data" / name
    try:
        prepare(args.name, out.expanduser(), args.source, args.revision, args.seed, args.limit, args.force)
    except UserError as error:
        print(f"dqo-verl prepare {args.name}: {error}", file=sys.stderr)
        return 1
    return 0


def _positive(value: str) -> int:
    number = int(value)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, not {value}")
    return number
