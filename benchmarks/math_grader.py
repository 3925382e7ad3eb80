"""Grading mathematics where some answers hang math-verify: ours against verl's own `math_verify`, both asked by threads as a reward worker does.

    python benchmarks/math_grader.py [--responses 400] [--threads 32]

A response of the pathological share ends in a tower of powers, whose evaluation never ends; the others are right or wrong numbers. verl's four processes
are never ended, and a response that waits 30 seconds for one scores 0; ours gives each 10 seconds until many are stopped.
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
        # both have imported math-verify before the clock runs
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
