"""Times a command up to its first training step: when each line appears, the longest silence, CPU time per process.

    python benchmarks/startup.py [bash recipes/dqo_gsm8k_qwen.sh]

It runs two sides, one after the other: processes that are forks of one server (integrations/cpu/fork_server.py), and processes
that each import torch, verl and vLLM. A side ends with the line of step 1. Run the command once before, so that the environment
and the tiny policy exist.
"""

import itertools
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import psutil
from common import report

from dqo_verl.integrations.cpu.fork_server import PYTHON

COMMAND = ["bash", "recipes/dqo_gsm8k_qwen.sh"]
SIDES = {"forks": {}, "each imports": {PYTHON: sys.executable}}
LAST_LINE = re.compile(r"^step 1/")
BETWEEN_LOOKS = 0.25


@dataclass
class Watch:
    """Polls the descendants of a process: pid -> CPU seconds, and pid -> title."""

    root: psutil.Process
    cpu: dict[int, float] = field(default_factory=dict)
    titles: dict[int, str] = field(default_factory=dict)
    over: threading.Event = field(default_factory=threading.Event)

    def look(self) -> None:
        while not self.over.wait(BETWEEN_LOOKS):
            for process in [self.root, *self.root.children(recursive=True)]:
                try:
                    times, title = process.cpu_times(), " ".join(process.cmdline())
                except psutil.Error:
                    continue
                self.cpu[process.pid] = times.user + times.system
                self.titles[process.pid] = title or self.titles.get(process.pid, "")

    def dearest(self, count: int = 14) -> dict[str, float]:
        found = sorted(self.cpu, key=lambda pid: -self.cpu[pid])[:count]
        return {f"{short(self.titles[pid])} ({pid})": round(self.cpu[pid], 1) for pid in found}


def short(title: str) -> str:
    words = [word.rsplit("/", 1)[-1] for word in title.split()]
    return " ".join(word for word in words if not word.startswith("-"))[:50]


def first_step(command: list[str], environment: dict[str, str]) -> tuple[dict[str, Any], dict[str, float]]:
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as out:
        run = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=os.environ | {"OUT": out} | environment,
            start_new_session=True,
        )
        watch = Watch(psutil.Process(run.pid))
        threading.Thread(target=watch.look, daemon=True).start()
        came: list[tuple[float, str]] = []
        for line in run.stdout or ():
            came.append((time.monotonic() - began, line.rstrip()))
            print(f"{came[-1][0]:6.1f} s  {came[-1][1]}", flush=True)
            if LAST_LINE.search(line):
                break
        watch.over.set()
        family = psutil.Process(run.pid).children(recursive=True)
        os.killpg(run.pid, signal.SIGKILL)
        for process in family:
            if process.is_running():
                process.kill()
        run.wait()
    at = [0.0, *(second for second, _ in came)]
    when = {name: next((s for s, line in came if mark in line), float("nan")) for name, mark in MARKS.items()}
    silence = max(after - before for before, after in itertools.pairwise(at))
    return when | {"longest_silence_s": silence, "cpu_s": sum(watch.cpu.values())}, watch.dearest()


MARKS = {
    "settings_s": "responses per prompt, on ",
    "embedder_s": "feature workers are up",
    "step_0_s": "step 0/",
    "step_1_s": "step 1/",
}


def main(command: list[str]) -> None:
    rows, processes = [], {}
    for side, environment in SIDES.items():
        row, processes[side] = first_step(command, environment)
        rows.append({"processes": side} | row)
    report(rows, cpu_seconds_by_process=processes)


if __name__ == "__main__":
    main(sys.argv[1:] or COMMAND)
