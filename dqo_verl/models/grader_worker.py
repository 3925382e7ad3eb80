"""The process that runs math-verify for `grader.py`: a task per line on stdin, a verdict per line on stdout.

math-verify's own time limits need signals on the main thread and do not stop every hang, so they are off. Instead the
kernel kills the process that works on a task when its time is over (SIGPROF or SIGALRM with their default action, which no code
can delay). The limit is CPU time, so that a busy machine changes no verdict; `PATIENCE` times as much real time is the most.
That process is a fork of this one, which then answers `null` and forks again, so nothing is imported twice.
It runs as a script, because importing the package would import torch.
"""

# mypy: disable-error-code="import-not-found, import-untyped"

import ctypes
import json
import logging
import os
import resource
import signal
import sys
from typing import Any, TextIO

SECONDS_TO_START = 120
PATIENCE = 4
# Without a limit, Sympy uses up all memory when it computes a tower of powers.
MEMORY = 4 * 2**30
# Linux: the kernel kills this process when its parent dies
PR_SET_PDEATHSIG = 1


def main() -> None:
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.alarm(SECONDS_TO_START)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answers = os.fdopen(os.dup(1), "w")
    # Nothing that a library prints may mix with the verdicts.
    os.dup2(2, 1)
    import math_verify

    logging.disable(logging.ERROR)
    print("ready", file=answers, flush=True)
    signal.alarm(0)
    while child := os.fork():
        _, status = os.waitpid(child, 0)
        if status == 0:
            return
        print("null", file=answers, flush=True)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    serve(math_verify, answers)


def serve(library: Any, answers: TextIO) -> None:
    gold_form = [library.LatexExtractionConfig()]
    forms = [library.ExprExtractionConfig(), library.LatexExtractionConfig()]
    for line in sys.stdin:
        gold, text, seconds = json.loads(line)
        signal.setitimer(signal.ITIMER_PROF, seconds)
        signal.setitimer(signal.ITIMER_REAL, PATIENCE * seconds)
        expected = library.parse(f"\\boxed{{{gold}}}", gold_form, parsing_timeout=None)
        found = library.parse(text, forms, parsing_timeout=None)
        verdict = "no gold" if not expected else library.verify(expected, found, timeout_seconds=None)
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        print(json.dumps(verdict), file=answers, flush=True)


if __name__ == "__main__":
    main()
