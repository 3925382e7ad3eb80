"""Shared by the benchmarks: alternated timing, a table on the terminal, and JSON with the provenance of its numbers."""

import json
import math
import os
import platform
import random
import shlex
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from dqo_verl.evaluation.report.tables import markdown
from dqo_verl.provenance import commit, versions

RESULTS = Path(__file__).parent / "results"
WORDS = """we first add the two numbers and then divide the sum by three so that every child has an equal share of apples which
leaves one over because seven is odd therefore answer is twelve Tom buys more books than Ann but Mia sold her coins in total
they walk home at night under a cold moon while rain falls on old roofs near river where boats sleep 7 12 35"""


def alternate(sides: dict[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """Seconds of every side in every round: the float that the side returns, or else the time that its call takes.

    Sides take turns, so other load on the machine slows all of them.
    """
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(rounds):
        for name in list(sides)[:: 1 if number % 2 == 0 else -1]:
            started = time.perf_counter()
            own = sides[name]()
            seconds[name].append(own if isinstance(own, float) else time.perf_counter() - started)
    return seconds


def ratio(above: Sequence[float], below: Sequence[float]) -> float:
    """Median over the rounds of each round's ratio."""
    return statistics.median(a / b for a, b in zip(above, below, strict=True))


def hardware() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    names = [line.split(":")[1].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores {names[0] if names else platform.machine()}, {gib:.0f} GiB"


def report(rows: Sequence[dict[str, Any]], **facts: Any) -> None:
    """Print `rows` as a table and write them to results/<script>.json with command, commit, versions, hardware and load."""
    script = Path(sys.argv[0])
    about = {
        "command": shlex.join(["python", f"benchmarks/{script.name}", *sys.argv[1:]]),
        "commit": commit(),
        "python": platform.python_version(),
        "versions": versions(),
        "hardware": hardware(),
        "load_average": round(os.getloadavg()[0], 1),
        **facts,
    }
    print(markdown(list(rows[0]), [[_cell(value) for value in row.values()] for row in rows]))
    print("\n".join(f"{key}: {value}" for key, value in about.items()))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{script.stem}.json").write_text(
        json.dumps(about | {"rows": [_rounded(row) for row in rows]}, indent=1) + "\n"
    )


def _cell(value: Any) -> str:
    if not _number(value) or (isinstance(value, float) and abs(value) < 100):
        return f"{value:.3g}" if isinstance(value, float) else str(value)
    return f"{round(value):,}"


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _rounded(row: dict[str, Any]) -> dict[str, Any]:
    return {key: float(f"{value:.4g}") if isinstance(value, float) else value for key, value in row.items()}


def sentences(n: int, seed: int, median: int = 40, spread: float = 0.7) -> list[str]:
    """`n` different texts; the numbers of words are log-normal, like the lengths of answers."""
    rng = random.Random(seed)
    words = WORDS.split()
    texts: dict[str, None] = {}
    while len(texts) < n:
        length = max(3, round(rng.lognormvariate(math.log(median), spread)))
        texts[" ".join(rng.choice(words) for _ in range(length))] = None
    return list(texts)
