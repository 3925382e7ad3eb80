"""What a recipe shows of verl's output, and what it says when verl fails."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

RECIPES = Path(__file__).parents[2] / "recipes"
STEP = "\x1b[36m(TaskRunner pid=7)\x1b[0m step:1 - critic/score/mean:0.5 - timing_s/step:np.float64(2.0)\n"
WORKER = "\x1b[36m(WorkerDict pid=9)\x1b[0m a warning\n"
ERROR = 'Traceback (most recent call last):\n  File "x.py", line 1\nAssertionError: data size must be divisible\n'
ENDED = "\n[dqo_verl] ended with exit status {}\n"
FAILED = ENDED.format(1)


def followed(directory, text, metrics=True, **environment):
    (directory / "train.log").write_text("from a run before this one\n")
    if metrics:
        (directory / "metrics-1.jsonl").write_text(json.dumps({"step": 1, "data": {"critic/score/mean": 0.5}}) + "\n")
    done = subprocess.run(
        [sys.executable, RECIPES / "progress.py", directory],
        input=text if isinstance(text, bytes) else text.encode(),
        env=os.environ | environment,
        capture_output=True,
    )
    assert b"Traceback" not in done.stderr
    return done.returncode, done.stdout.decode()


def test_a_line_per_step_and_a_summary(tmp_path):
    code, said = followed(tmp_path, "Total training steps: 1\n" + STEP + WORKER + ENDED.format(0))
    assert code == 0
    _, step, *summary = said.splitlines()
    assert step == "step 1/1  reward 0.5  seconds 2"
    assert summary[1].split() == ["reward", "0.500", "0.500", "(steps", "1", "and", "1)"]
    assert WORKER in (tmp_path / "train.log").read_text()


@pytest.mark.parametrize("verbose", ["", "1"])
def test_a_run_that_fails_after_some_steps_says_why(verbose, tmp_path):
    code, said = followed(tmp_path, STEP + ERROR + 100 * WORKER + FAILED, VERBOSE=verbose)
    assert code == 1
    *_, why, _, failed, end = said.splitlines()
    assert "from a run before" not in said
    assert why == "AssertionError: data size must be divisible"
    assert failed == FAILED.strip()
    assert said.count(FAILED.strip()) == 1
    assert end == f"the run failed; full output: {tmp_path}/train.log"


def test_the_summary_shows_distinct_answers_of_the_validation(tmp_path):
    data = {f"val-core/sums/acc/{name}": 0.5 for name in ("mean@4", "best@4/mean", "pass@4", "distinct_correct@4")}
    (tmp_path / "metrics-1.jsonl").write_text(json.dumps({"step": 0, "data": data}) + "\n")
    code, said = followed(tmp_path, ENDED.format(0), metrics=False)
    assert code == 0
    assert [line.split()[0] for line in said.splitlines() if "sums" in line] == [
        "sums/acc/mean@4",
        "sums/acc/distinct_correct@4",
    ]


@pytest.mark.slow
def test_without_the_evaluation_a_run_has_no_summary_and_is_no_failure(tmp_path):
    (tmp_path / "validation").mkdir()
    for step in (0, 1):
        row = {"input": "1+1", "output": "2", "score": 1.0, "gts": "2", "step": step}
        (tmp_path / f"validation/{step}.jsonl").write_text(f"{json.dumps(row)}\n" * 2)
    lacks = "import runpy, sys; sys.modules['sacrebleu'] = None; runpy.run_path(sys.argv[0], run_name='__main__')"
    script = f"import sys; sys.argv = {[str(RECIPES / 'summary.py'), str(tmp_path), 'x.sh']!r}; {lacks}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout[:12]) == (0, "no summary: "), done.stderr[-2000:]
    assert "sacrebleu is missing. Type: pip install" in done.stdout


def test_a_refused_run_shows_the_refusal_alone(tmp_path):
    noise = "WARNING: no accelerator\nTriton is installed\n"
    refusal = "dqo_verl: algorithm.adv_estimator=dqoo is not known.\n"
    code, said = followed(tmp_path, noise + refusal + ENDED.format(2), metrics=False)
    assert code == 2
    first, message = said.splitlines()
    assert first.startswith("starting Ray")
    assert message == refusal.strip()


@pytest.mark.e2e
def test_a_recipe_is_checked_and_starts_nothing(tmp_path, cache):
    out = tmp_path / "out"
    knobs = {"PROFILE": "cpu", "CHECK": "1", "OUT": str(out), "DQO_VERL_CACHE": str(cache)}

    def checked(*typed):
        command = ["bash", RECIPES / "dqo_gsm8k_qwen.sh", *typed]
        return subprocess.run(command, env=os.environ | knobs, cwd=tmp_path, capture_output=True, text=True)

    done = checked("+algorithm.diversity.alpha=2")
    assert done.returncode == 0, done.stderr
    assert "+algorithm.diversity.alpha=2.0" in done.stdout
    assert done.stdout.endswith("All checks passed, and nothing was started.\n")
    refused = checked("+reward_model.diverstiy=dpp")
    assert refused.returncode == 2
    assert refused.stderr.splitlines()[-1].endswith("Did you mean +reward_model.diversity=dpp?")
    assert not out.exists()


def test_bytes_that_are_no_text_and_a_metrics_file_cut_short(tmp_path):
    (tmp_path / "metrics-0.jsonl").write_text('{"step": 1, "data": {"critic/sc')
    code, said = followed(tmp_path, b"a policy said \xff\n" + STEP.encode() + ENDED.format(0).encode())
    assert code == 0
    assert "step 1/?" in said
    assert "a policy said \\xff" in (tmp_path / "train.log").read_text()


@pytest.mark.slow
def test_a_recipe_ends_with_the_error_of_verl(tmp_path, cache):
    done = subprocess.run(
        ["bash", RECIPES / "dqo_gsm8k_qwen.sh", "algorithm.no_such_key=1"],
        env=os.environ | {"PROFILE": "cpu", "OUT": str(tmp_path / "out"), "DQO_VERL_CACHE": str(cache)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "no_such_key" in done.stdout
    assert FAILED.strip() in done.stdout
    assert done.stdout.splitlines()[-1].startswith("the run failed")


def test_a_run_that_was_killed_with_its_shell_is_no_success(tmp_path):
    code, said = followed(tmp_path, STEP + ERROR)
    assert code == 1
    assert "AssertionError" in said


def test_a_logger_of_the_users_own_leaves_no_summary_and_is_no_failure(tmp_path):
    code, said = followed(tmp_path, STEP + ENDED.format(0), metrics=False)
    assert code == 0
    assert "first" not in said


@pytest.mark.timeout(60)
def test_no_silence_while_verl_says_nothing_that_is_shown(tmp_path):
    quick = "import progress; progress.SECONDS_OF_SILENCE = 0.2; progress.main(progress.Path('.'))"
    shown = subprocess.Popen(
        [sys.executable, "-c", quick],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": f"{RECIPES}:{RECIPES.parent}", "VERBOSE": ""},
    )

    def after(line, what):
        shown.stdin.write(line)
        while not (said := shown.stdout.readline()).startswith(f"  waiting for {what}: "):
            assert said, "it ended"

    after("", "verl to read its settings and start Ray")
    after("INFO worker.py:2038 -- Started a local Ray instance.\n", "the trainer's process and the models beside it")
    after("INFO:x:all initialize finished, ready to fit\n", "vLLM's first responses")
    after("Total training steps: 2\n" + STEP, "step 2")
    after(STEP.replace("step:1", "step:2"), "verl to end")
    rest, _ = shown.communicate(ENDED.format(0))
    assert "waiting" not in rest.split("metrics, log", 1)[1]
