"""The time that the plugin adds to `import verl` in every process of a run: CPU seconds with and without it, in turn.

python benchmarks/plugin_import.py [--rounds 15]
"""

import argparse
import os
import statistics
import subprocess
import sys

from common import alternate, report

# CPU seconds of the process: other load on the machine changes them less than wall-clock time
CODE = "import time; began = time.process_time(); import verl; print(time.process_time() - began)"


def importing(**environment: str) -> float:
    told = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CODE],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return float(told.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    importing()  # fills the file caches
    sides = {"with": importing, "without": lambda: importing(VERL_USE_EXTERNAL_PLUGINS="none")}
    seconds = alternate(sides, rounds)
    # The minimum of several rounds: other load can only add time.
    row = {"with_the_plugin_s": min(seconds["with"]), "without_s": min(seconds["without"])}
    row |= {"added_s": row["with_the_plugin_s"] - row["without_s"]}
    row |= {
        "median_added_s": statistics.median(a - b for a, b in zip(seconds["with"], seconds["without"], strict=True))
    }
    report([row], rounds=rounds)


if __name__ == "__main__":
    main()
