"""`dqo-verl`: everything around a training run. Each command lives beside the code that it runs."""

import argparse
import importlib
import sys

COMMANDS = ("dqo_verl.doctor", "dqo_verl.data.cli", "dqo_verl.evaluation.cli", "dqo_verl.classifier.cli")


def main() -> int:
    parser = argparse.ArgumentParser(prog="dqo-verl", description=__doc__)
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in COMMANDS:
        importlib.import_module(module).add_commands(subparsers)
    arguments = parser.parse_args()
    return int(arguments.run(arguments) or 0)


if __name__ == "__main__":
    sys.exit(main())
