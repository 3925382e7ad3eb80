"""The process that runs math-verify for `math.py`: a task per line on stdin, a verdict per line on stdout.

math-verify's own time limits need signals on the main thread and do not stop every hang, so they are off. Instead the
kernel ends this process when a task takes longer than its time (SIGALRM with its default effect: no code can delay it).
Run as a script: importing the package would import torch.
"""

# mypy: disable-error-code="import-not-found, import-untyped"

import json
import logging
import os
import resource
import signal
import sys

SECONDS_TO_START = 120
# Sympy takes all the memory there is when it computes a tower of powers.
MEMORY = 4 * 2**30


def main() -> None:
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(SECONDS_TO_START)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answers = os.fdopen(os.dup(1), "w")
    # Nothing that a library prints may mix with the verdicts.
    os.dup2(2, 1)
    from math_verify import ExprExtractionConfig, LatexExtractionConfig, parse, verify

    logging.disable(logging.ERROR)
    print("ready", file=answers, flush=True)
    signal.alarm(0)
    for line in sys.stdin:
        gold, text, seconds = json.loads(line)
        signal.setitimer(signal.ITIMER_REAL, seconds)
        expected = parse(f"\\boxed{{{gold}}}", [LatexExtractionConfig()], parsing_timeout=None)
        found = parse(text, [ExprExtractionConfig(), LatexExtractionConfig()], parsing_timeout=None)
        verdict = "no gold" if not expected else verify(expected, found, timeout_seconds=None)
        signal.setitimer(signal.ITIMER_REAL, 0)
        print(json.dumps(verdict), file=answers, flush=True)


if __name__ == "__main__":
    main()
