"""Mathematics: 1 if math-verify finds the answer equal to the ground truth, else 0 (as in arXiv 2509.02534).

math-verify can hang or eat all memory on what a policy writes (verl#5839: training stood still). It runs in a process
of its own (`math_worker.py`); one that takes too long or dies is replaced, its response scores 0 and is counted
in `timeout`.
"""

import atexit
import json
import logging
import subprocess
import sys
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from dqo_verl.core.final_answer import characters_after_answer
from dqo_verl.extras import install
from dqo_verl.rewards.queries import reward_func_of

WORKER = str(Path(__file__).with_name("math_worker.py"))
# not started as a file: Python would put this directory, with its math.py, in front of the standard library
START = [sys.executable, "-c", "import runpy, sys; runpy.run_path(sys.argv[1], run_name='__main__')", WORKER]

logger = logging.getLogger(__name__)


class Grader:
    """One worker process, asked by one thread at a time. More at once: more of verl's `reward.num_workers`."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.process: subprocess.Popen[str] | None = None
        self.stopped = 0

    def __call__(self, gold: str, text: str, seconds: float) -> bool | None:
        """Whether `text` ends in an answer equal to `gold`; None if the worker was stopped or died over it."""
        with self.lock:
            if self.process is None or self.process.poll() is not None:
                self.process = self._start()
            verdict = self._ask(self.process, json.dumps([gold, text, seconds]))
            if verdict is None:
                self.stopped += 1
                logger.warning(
                    "math-verify: no verdict within %g s (exit status %s), %d such so far; the response scores 0",
                    seconds,
                    self.process.wait(),
                    self.stopped,
                )
                self.process = None
                return None
        if verdict == "no gold":
            raise ValueError(f"math-verify cannot read the ground truth {gold!r}: mend or drop this row of the data")
        return bool(verdict)

    def _ask(self, process: "subprocess.Popen[str]", task: str) -> Any:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            print(task, file=process.stdin, flush=True)
        except BrokenPipeError:
            return None
        line = process.stdout.readline()
        return json.loads(line) if line else None

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
        with self.lock:
            if self.process is not None:
                self.process.kill()
                self.process.wait()
                self.process = None


grader = Grader()
atexit.register(grader.close)


def compute_score(
    data_source: str, solution_str: str, ground_truth: str, extra_info: Any = None, timeout: float = 10.0, **_: Any
) -> dict[str, float]:
    verdict = grader(ground_truth, solution_str, timeout)
    correct = float(bool(verdict))
    return {
        "score": correct,
        "acc": correct,
        "timeout": float(verdict is None),
        "characters_after_answer": float(characters_after_answer(solution_str)),
    }


# as OpenRLHF calls it
reward_func = reward_func_of(compute_score)
