"""Prepare data, sample, evaluate and compare runs of diversity-aware reinforcement learning."""

import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Union

import tyro
from tyro.conf import DisallowNone, FlagCreatePairsOff, OmitArgPrefixes, OmitSubcommandPrefixes, subcommand

from dqo_verl import __version__
from dqo_verl.check import Check
from dqo_verl.classifier import cli as classifier
from dqo_verl.data import cli as data
from dqo_verl.doctor.cli import Doctor
from dqo_verl.errors import UserError, plainly
from dqo_verl.evaluation.cli import Demo, Evaluate, Report, Sample
from dqo_verl.extras import what_to_type

COMMANDS = {
    "demo": Demo,
    "check": Check,
    "doctor": Doctor,
    "prepare": data.Command,
    "sample": Sample,
    "evaluate": Evaluate,
    "report": Report,
}
OF_CLASSIFIER = {"train": classifier.Train, "evaluate": classifier.Evaluate, "label": classifier.Label}
NAMES = {kind: name for name, kind in COMMANDS.items()}
NAMES |= {kind: f"classifier {name}" for name, kind in OF_CLASSIFIER.items()}


def _one_of(commands: Mapping[str, Any], *more: Any) -> Any:
    return Union[(*(Annotated[kind, subcommand(name)] for name, kind in commands.items()), *more)]


def parse(arguments: Sequence[str] | None = None) -> Any:
    """Parse the command line into a command object, whose method `run` executes it."""
    about = subcommand(
        "classifier", description="Train and evaluate the pair classifier of DARLING, and label pairs for it."
    )
    return tyro.cli(
        _one_of(COMMANDS, Annotated[_one_of(OF_CLASSIFIER), about]),
        prog="dqo-verl",
        description=__doc__,
        args=arguments,
        config=(OmitArgPrefixes, OmitSubcommandPrefixes, FlagCreatePairsOff, DisallowNone),
    )


def run(command: Any) -> int | None:
    """Run a command and return its exit status; a missing library becomes a `UserError` that says what to install."""
    try:
        status: int | None = command.run()
        return status
    except ModuleNotFoundError as error:
        # dqo_verl.evaluation.cli -> evaluation
        room = type(command).__module__.split(".")[1]
        if told := what_to_type(error, room):
            raise UserError(told) from error
        raise


def main() -> int:
    if sys.argv[1:] == ["--version"]:
        print(f"dqo_verl {__version__}")
        return 0
    command = parse()
    return plainly(f"dqo-verl {NAMES[type(command)]}", lambda: run(command))


if __name__ == "__main__":
    sys.exit(main())
