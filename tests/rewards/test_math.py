import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from dqo_verl.models import grader as grading
from dqo_verl.models import grader_worker
from dqo_verl.rewards import math

pytest.importorskip("math_verify")

HANGS = "so \\boxed{9^{9^{9^{9}}}}"  # math-verify works on it until it is stopped
SECONDS = 2.0


@pytest.mark.parametrize(
    ("text", "gold", "acc"),
    [
        ("so $\\boxed{\\frac{1}{2}}$", "0.5", 1),
        ("so $\\boxed{0.5}$", "\\frac{1}{2}", 1),
        ("The answer is $2\\sqrt{3}$.", "\\sqrt{12}", 1),
        ("so \\boxed{3, 1}", "1,3", 1),
        ("so \\boxed{(3, 1)}", "(1,3)", 0),
        ("so \\boxed{7}", "8", 0),
        ("no number", "8", 0),
        ("", "8", 0),
    ],
)
def test_judges_by_value(text: str, gold: str, acc: int) -> None:
    result = math.compute_score("math", text, gold)
    assert (result["score"], result["acc"], result["timeout"]) == (acc, acc, 0)


def test_through_verls_reward_manager(scored) -> None:
    texts = ["so \\boxed{5}", HANGS, "so \\boxed{6}", "so \\boxed{5} banana"]
    results = scored("math", texts, "5", kwargs={"timeout": SECONDS})
    assert [result["acc"] for result in results] == [1, 0, 0, 1]
    assert [result["timeout"] for result in results] == [0, 1, 0, 0]
    assert [result["characters_after_answer"] for result in results] == [0, 0, 0, len("banana")]


def test_a_hang_is_stopped_counted_and_the_next_response_is_judged() -> None:
    grader = grading.Grader()
    assert grader("5", "\\boxed{5}", SECONDS) is True
    started = time.perf_counter()
    assert grader("5", HANGS, SECONDS) is None
    assert SECONDS <= time.perf_counter() - started < SECONDS + 5
    assert grader.stopped == 1
    assert grader("5", "\\boxed{5}", SECONDS) is True
    grader.close()


@pytest.mark.parametrize(
    ("nap", "status", "verdict"), [(0.3, 0, "true\n"), (grader_worker.PATIENCE, -signal.SIGALRM, "")]
)
def test_a_busy_machine_changes_no_verdict_unless_it_takes_several_times_as_long(nap, status, verdict) -> None:
    """A library that sleeps stands for one that waits for a core."""
    script = """if True:
        import runpy, sys, time
        class Library:
            LatexExtractionConfig = ExprExtractionConfig = list
            parse = lambda *_, **__: time.sleep(float(sys.argv[2])) or ["5"]
            verify = lambda *_, **__: True
        runpy.run_path(sys.argv[1])["serve"](Library, sys.stdout)
    """
    task = json.dumps(["5", "5", 0.2]) + "\n"
    command = [sys.executable, "-c", script, grading.WORKER, str(nap)]
    found = subprocess.run(command, input=task, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (status, verdict)


@pytest.mark.parametrize("expression", ["10^{10^{10}}!", "(" * 3000 + "1" + ")" * 3000, "{" * 50_000, "7" * 100_000])
def test_huge_input_never_costs_more_than_its_time(expression: str) -> None:
    started = time.perf_counter()
    assert math.compute_score("math", f"so \\boxed{{{expression}}}", "5", timeout=SECONDS)["acc"] == 0
    assert time.perf_counter() - started < SECONDS + 5
    assert math.compute_score("math", "so \\boxed{5}", "5")["acc"] == 1


def test_a_worker_that_died_between_two_responses_costs_nothing() -> None:
    grader = grading.Grader()
    assert grader("5", "\\boxed{5}", SECONDS) is True
    (worker,) = grader.workers
    assert worker.process is not None
    os.kill(worker.process.pid, signal.SIGKILL)
    worker.process.wait()
    assert grader("5", "\\boxed{5}", SECONDS) is True
    assert grader.stopped == 0
    grader.close()


def test_a_worker_that_dies_over_a_response_is_replaced() -> None:
    grader = grading.Grader()
    assert grader("5", "\\boxed{5}", SECONDS) is True
    (worker,) = grader.workers
    assert worker.process is not None
    killer = threading.Timer(0.5, os.kill, (worker.process.pid, signal.SIGKILL))
    killer.start()
    assert grader("5", HANGS, 60) is None
    assert grader("5", "\\boxed{5}", SECONDS) is True
    assert grader.stopped == 1
    grader.close()


def test_a_stop_costs_no_second_start() -> None:
    grader = grading.Grader()
    assert grader("5", HANGS, 0.2) is None
    (worker,) = grader.workers
    started = worker.process
    assert [grader("5", text, SECONDS) for text in ("\\boxed{5}", "\\boxed{6}")] == [True, False]
    assert worker.process is started
    grader.close()


def test_where_many_hang_the_next_ones_get_little_time() -> None:
    grader = grading.Grader()
    grader.stops.extend([False] * (grading.RECENT - grading.MOST_STOPS) + [True] * grading.MOST_STOPS)
    assert not grader.is_hurried
    assert grader("5", HANGS, 0.2) is None
    assert grader.is_hurried
    began = time.perf_counter()
    assert grader("5", HANGS, 60) is None
    assert time.perf_counter() - began < 30
    for _ in range(grading.RECENT):
        assert grader("5", "\\boxed{5}", SECONDS) is True
    assert not grader.is_hurried
    grader.close()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"\\boxed{{{'7' * grading.LONGEST}}}", False),
        (f"\\boxed{{{'7' * (grading.LONGEST + 1)}}}", True),
        (f"\\boxed{{{'(' * grading.DEEPEST}1{')' * grading.DEEPEST}}}", False),
        (f"\\boxed{{{'(' * (grading.DEEPEST + 1)}1{')' * (grading.DEEPEST + 1)}}}", True),
        ("(" * 3000, True),
        (f"{'a word, (and another) ' * 5000}\\boxed{{5}}", False),
        (f"{'(' * 3000} so \\boxed{{5}}", False),
    ],
    ids=range(7),
)
def test_answers_of_a_length_or_depth_that_nobody_means_are_not_read(text: str, told: bool) -> None:
    assert grading.too_much(text) is told


def test_threads_get_their_own_verdicts() -> None:
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda n: math.compute_score("math", f"\\boxed{{{n % 3}}}", "1")["acc"], range(60)))
    assert results == [float(n % 3 == 1) for n in range(60)]


def test_an_empty_ground_truth_is_named() -> None:
    with pytest.raises(ValueError, match="cannot read the ground truth ''"):
        math.compute_score("math", "\\boxed{5}", "")


def test_without_math_verify_the_message_says_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "math_verify", None)
    with pytest.raises(ModuleNotFoundError, match=r"math-verify is missing\. Type: pip install .*\[math\]"):
        grading.Grader()("5", "\\boxed{5}", SECONDS)


def test_a_worker_that_does_not_start_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    bare = [sys.executable, "-I", "-S", *grading.START[1:]]  # an interpreter without site-packages
    monkeypatch.setattr(grading, "START", bare)
    with pytest.raises(RuntimeError, match="did not start"):
        grading.Grader()("5", "\\boxed{5}", SECONDS)
