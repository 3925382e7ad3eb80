"""Runs OpenRLHF's own argument parser without importing OpenRLHF, to refuse wrong arguments at once and read the others.

OpenRLHF's command builds the parser in the body of a script, after imports of vLLM and DeepSpeed that take half a minute. This
module runs only the statements that build the parser.
"""

import argparse
import ast
from collections.abc import Sequence
from datetime import datetime
from difflib import get_close_matches
from types import SimpleNamespace
from typing import Any, NoReturn

from dqo_verl.core.methods import METHODS
from dqo_verl.core.settings import known_keys
from dqo_verl.errors import UserError
from dqo_verl.integrations.openrlhf.probe import COMMAND as COMMAND
from dqo_verl.integrations.openrlhf.typed import DEVICE, ESTIMATOR, MEASURE, PREFIX
from dqo_verl.integrations.package import Package

END = "args = parser.parse_args()"
EPILOG = (
    f"dqo_verl adds: {ESTIMATOR} {'|'.join(METHODS)}; {MEASURE} MEASURE, with any other estimator; {PREFIX}KEY VALUE, the "
    f"settings of docs/settings.md; {DEVICE} cpu, to run without a GPU."
)


class _Parser(argparse.ArgumentParser):
    """Reports an error in one sentence; argparse would print all its flags first."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message[:1].upper()}{message[1:]}.")


def parser_of(openrlhf: Package) -> argparse.ArgumentParser:
    """OpenRLHF's parser, with our methods among its estimators."""
    tree = ast.parse(openrlhf.source(COMMAND))
    body = next(node.body for node in tree.body if isinstance(node, ast.If))
    end = next(i for i, statement in enumerate(body) if ast.unparse(statement) == END)
    names: dict[str, Any] = {"argparse": SimpleNamespace(ArgumentParser=_Parser), "datetime": datetime}
    exec(compile(ast.Module(body[:end], []), COMMAND, "exec"), names)
    parser: argparse.ArgumentParser = names["parser"]
    estimator = _estimator(parser)
    estimator.choices = [*METHODS, *bases(parser)]
    parser.epilog = EPILOG
    return parser


def bases(parser: argparse.ArgumentParser) -> list[str]:
    """OpenRLHF's estimators."""
    return [name for name in _estimator(parser).choices or () if name not in METHODS]


def _estimator(parser: argparse.ArgumentParser) -> argparse.Action:
    return next(action for action in parser._actions if ESTIMATOR in action.option_strings)


def arguments(parser: argparse.ArgumentParser, words: Sequence[str], version: str) -> dict[str, Any]:
    """OpenRLHF's settings by dotted name. Refuses unknown ones."""
    found, unknown = parser.parse_known_args(list(words))
    if unknown:
        raise UserError(f"{unknown[0]} is not known to OpenRLHF {version}.{_meant(parser, unknown)}")
    return vars(found)


def _meant(parser: argparse.ArgumentParser, unknown: Sequence[str]) -> str:
    flag = unknown[0].partition("=")[0]
    ours = [MEASURE, DEVICE, *(f"{PREFIX}{key}" for key in known_keys())]
    theirs = [name for action in parser._actions for name in action.option_strings]
    close = get_close_matches(flag, [*ours, *theirs], n=1, cutoff=0.75)
    if not close and (key := flag.rpartition(".")[2].lstrip("-")) in known_keys():
        close = [f"{PREFIX}{key}"]
    return f" Did you mean {close[0]}?" if close else ""
