"""Grades mathematics when some answers hang math-verify: our grader against verl's `math_verify`, both called by threads.

    python benchmarks/math_grader.py [--responses 400] [--threads 32]

Reward workers call both in this way. A response of the pathological share ends in a tower of powers, which is never evaluated
to the end; the others are right or wrong numbers. verl never stops its four processes, and a response that waits 30 seconds for
one scores 0. Ours gives each response 10 seconds, and 1 second once many were stopped.
"""

import argparse
import random
import time
from concurrent.futures import ThreadPoolExecutor

from common import report
from verl.utils.reward_score import math_verify

from dqo_verl.models.grader import Grader

SHARES = (0.0, 0.01, 0.5)
HANGS = "so \\boxed{9^{9^{9^{9}}}}"
SECONDS = 10.0


def responses(count: int, share: float) -> list[str]:
    chance = random.Random(0)
    hanging = set(chance.sample(range(count), round(share * count)))
    return [HANGS if i in hanging else f"so \\boxed{{{i % 3}}}" for i in range(count)]


def seconds(judge, texts: list[str], threads: int) -> tuple[float, list[float]]:
    began = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        found = list(pool.map(judge, texts))
    return time.perf_counter() - began, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--responses", type=int, default=400)
    parser.add_argument("--threads", type=int, default=32)
    options = parser.parse_args()
    rows = []
    for share in SHARES:
        texts = responses(options.responses, share)
        grader = Grader()
        # warm-up: both import math-verify
        grader("1", "\\boxed{1}", SECONDS)
        math_verify.compute_score("\\boxed{1}", "1")
        theirs, scores = seconds(lambda text: float(math_verify.compute_score(text, "1")), texts, options.threads)
        ours, verdicts = seconds(lambda text, one=grader: float(bool(one("1", text, SECONDS))), texts, options.threads)
        grader.close()
        right = [float(text == "so \\boxed{1}") for text in texts]
        assert verdicts == right
        rows.append(
            {
                "pathological": share,
                "responses": len(texts),
                "verl s": theirs,
                "ours s": ours,
                "verl / ours": theirs / ours,
                "verl's wrong scores": sum(a != b for a, b in zip(scores, right, strict=True)),
                "ours per response ms": 1000 * ours / len(texts),
            }
        )
    report(rows, threads=options.threads)


if __name__ == "__main__":
    main()
