"""math-verify in separate processes: whether two answers are equal, within a time limit that always holds.

math-verify can hang or use up all memory on a policy's output (verl#5839: training stood still), so it runs in worker processes
(`grader_worker.py`). There is no verdict if a worker takes too long or dies, or if an answer is far too long or too deeply
nested. If many responses were stopped lately, the next ones get a second each.
"""

import json
import logging
import re
import subprocess
import sys
import threading
from collections import deque
from importlib.util import find_spec
from pathlib import Path
from queue import LifoQueue
from typing import Any

from dqo_verl.core.final_answer import final_answer
from dqo_verl.extras import install

WORKER = str(Path(__file__).with_name("grader_worker.py"))
# not started as a file: Python would put this directory, with its math.py, in front of the standard library
START = [sys.executable, "-c", "import runpy, sys; runpy.run_path(sys.argv[1], run_name='__main__')", WORKER]

WORKERS = 4
# most characters, and most nested brackets, of an answer
LONGEST, DEEPEST = 2_000, 100
BRACKETS = re.compile(r"[(\[{}\])]")
# if more than MOST_STOPS of the last RECENT responses were stopped, the next ones get BRIEFLY seconds
RECENT, MOST_STOPS, BRIEFLY = 50, 5, 1.0

logger = logging.getLogger(__name__)


class NoGoldError(ValueError):
    """math-verify cannot read the ground truth."""


class Worker:
    """One worker process, which one thread uses at a time."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[str] | None = None

    def __call__(self, gold: str, text: str, seconds: float) -> Any:
        """math-verify's verdict; None if the process was stopped or died on this response."""
        if self.process is None or self.process.poll() is not None:
            self.process = self._start()
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            print(json.dumps([gold, text, seconds]), file=self.process.stdin, flush=True)
        except BrokenPipeError:
            return None
        if line := self.process.stdout.readline():
            return json.loads(line)
        self.close()
        return None

    def _start(self) -> "subprocess.Popen[str]":
        if find_spec("math_verify") is None:
            raise ModuleNotFoundError(f"math-verify is missing. Type: {install('math')}", name="math_verify")
        process = subprocess.Popen(START, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")
        assert process.stdout is not None
        if process.stdout.readline() != "ready\n":
            raise RuntimeError(
                f"the math-verify worker did not start (exit status {process.wait()}, its message is above)"
            )
        return process

    def close(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


class Grader:
    """A pool of at most `WORKERS` worker processes, started on demand. Several threads may use it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.workers: list[Worker] = []
        # last in, first out: the workers that are used stay few
        self.free: LifoQueue[Worker] = LifoQueue()
        # for each of the last responses: whether it got no verdict
        self.stops: deque[bool] = deque(maxlen=RECENT)
        self.stopped = 0

    def __call__(self, gold: str, text: str, seconds: float) -> bool | None:
        """Whether `text` ends in an answer equal to `gold`; None if there is no verdict."""
        if too_much(text):
            return None
        seconds = min(seconds, BRIEFLY) if self.is_hurried else seconds
        worker = self._free()
        try:
            verdict = worker(gold, text, seconds)
        finally:
            self.free.put(worker)
        with self.lock:
            self.stops.append(verdict is None)
            self.stopped += verdict is None
            if verdict is None:
                logger.warning(
                    "math-verify: no verdict within %g s, the answer counts as unequal (%d so far)",
                    seconds,
                    self.stopped,
                )
        if verdict == "no gold":
            raise NoGoldError(f"math-verify cannot read the ground truth {gold!r}: fix or drop this row of the data")
        return None if verdict is None else bool(verdict)

    @property
    def is_hurried(self) -> bool:
        """Whether so many of the last responses were stopped that the next ones get little time."""
        return len(self.stops) == RECENT and sum(self.stops) > MOST_STOPS

    def _free(self) -> Worker:
        with self.lock:
            if self.free.empty() and len(self.workers) < WORKERS:
                self.workers.append(Worker())
                return self.workers[-1]
        return self.free.get()

    def close(self) -> None:
        for worker in self.workers:
            worker.close()


def too_much(text: str) -> bool:
    """Whether the final answer is too long, or it (without one, the whole text) has too many nested brackets."""
    answer = final_answer(text)
    depth = deepest = 0
    for match in BRACKETS.finditer(text if answer is None else answer):
        depth = depth + 1 if match[0] in "([{" else max(0, depth - 1)
        deepest = max(deepest, depth)
    return deepest > DEEPEST or len(answer or "") > LONGEST
