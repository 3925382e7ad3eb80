"""From a typed command to its first step: when each line comes, the longest silence, and the CPU time of each process.

    python benchmarks/startup.py bash recipes/dqo_gsm8k_qwen.sh STEPS... (any command that prints a line per step)

The command is stopped after the line that matches UNTIL (default `step 1/`). Environment, policy and whatever else it
makes on its first use should be there: run it once before.
"""

import itertools
import os
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field

import psutil
from common import report

BETWEEN_LOOKS = 0.25


@dataclass
class Seen:
    """A process as it was when it was last looked at."""

    title: str
    came: float
    cpu: float = 0.0
    went: float = 0.0


@dataclass
class Watch:
    """Descendants of a process, looked at again and again."""

    root: psutil.Process
    began: float
    seen: dict[int, Seen] = field(default_factory=dict)

    def look(self) -> None:
        now = time.monotonic() - self.began
        for process in [self.root, *self.root.children(recursive=True)]:
            try:
                with process.oneshot():
                    title = " ".join(process.cmdline()).replace(sys.prefix, "")[:100]
                    times = process.cpu_times()
            except psutil.Error:
                continue
            one = self.seen.setdefault(process.pid, Seen(title, now))
            one.title, one.cpu, one.went = title or one.title, times.user + times.system, now


def main(command: list[str]) -> None:
    until = re.compile(os.environ.get("UNTIL", "step 1/"))
    began = time.monotonic()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    watch, over = Watch(psutil.Process(process.pid), began), threading.Event()

    def looking() -> None:
        while not over.wait(BETWEEN_LOOKS):
            watch.look()

    threading.Thread(target=looking, daemon=True).start()
    lines: list[tuple[float, str]] = []
    for line in process.stdout or ():
        lines.append((time.monotonic() - began, line.rstrip()))
        print(f"{lines[-1][0]:6.1f} s  {lines[-1][1]}", flush=True)
        if until.search(line):
            break
    over.set()
    time.sleep(2 * BETWEEN_LOOKS)
    family = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGTERM)
    for one in family:
        if one.is_running():
            one.kill()
    times = [0.0, *(second for second, _ in lines)]
    silence = max(after - before for before, after in itertools.pairwise(times))
    rows = [
        {"cpu_seconds": one.cpu, "came": one.came, "last_seen": one.went, "process": one.title}
        for one in sorted(watch.seen.values(), key=lambda one: -one.cpu)
        if one.cpu >= 0.5
    ]
    report(
        rows,
        seconds=round(times[-1], 1),
        longest_silence=round(silence, 1),
        cpu=round(sum(o.cpu for o in watch.seen.values()), 1),
        lines=[f"{s:.1f} {t}" for s, t in lines],
    )


if __name__ == "__main__":
    main(sys.argv[1:])
