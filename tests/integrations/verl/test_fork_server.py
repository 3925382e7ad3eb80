"""A `python` of the fork server is a process like any other, to whoever starts it and to itself."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from dqo_verl.integrations.verl.cpu import fork_server, patches, platform

from .conftest import compose

TOLD = "import os, sys; print(sys.argv, __name__, os.getcwd(), os.environ.get('MOOD'), sys.stdin.read(), os.environ.get('HOME'))"


@pytest.mark.parametrize("how", ["code", "file", "module"])
def test_it_is_told_what_any_python_is_told(quick_python, tmp_path, how):
    (tmp_path / "told.py").write_text(TOLD)
    arguments = {"code": ["-u", "-c", TOLD], "file": ["-X", "utf8", "told.py"], "module": ["-m", "told"]}[how]
    said = []
    for python in (sys.executable, quick_python):
        done = subprocess.run(
            [python, *arguments, "a", "b c"],
            input="hello",
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={"MOOD": "good", "PATH": os.environ["PATH"]},
        )
        assert done.returncode == 0, done.stderr
        said.append(done.stdout)
    assert said[0] == said[1]
    assert said[1].split()[-3:] == ["good", "hello", "None"]


@pytest.mark.parametrize(
    ("code", "status", "told"),
    [
        ("", 0, ""),
        ("import sys; sys.exit(3)", 3, ""),
        ("import sys; sys.exit('no such thing')", 1, "no such thing"),
        ("1 / 0", 1, "ZeroDivisionError"),
        ("import os; os._exit(7)", 7, ""),
        ("import os; os.kill(os.getpid(), 9)", -9, ""),
        ("import atexit; atexit.register(print, 'goodbye')", 0, "goodbye"),
        (
            "import threading, time; threading.Thread(target=lambda: (time.sleep(0.2), print('late'))).start()",
            0,
            "late",
        ),
    ],
)
def test_it_ends_as_any_python_ends(quick_python, code, status, told):
    done = subprocess.run([quick_python, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == status
    assert told in done.stdout


def test_open_files_keep_their_numbers(quick_python):
    ours, theirs = os.pipe()
    high = 300
    os.dup2(theirs, high)
    for number in (theirs, high):
        code = f"import os; os.write({number}, b'through {number}')"
        subprocess.run([quick_python, "-c", code], pass_fds=[number], check=True)
        assert os.read(ours, 100).decode() == f"through {number}"
    for number in (ours, theirs, high):
        os.close(number)


SLEEPER = "import os, time; print(os.getpid(), flush=True); time.sleep(100)"


def sleeper(python):
    process = subprocess.Popen([python, "-c", SLEEPER], stdout=subprocess.PIPE, text=True)
    return process, int(process.stdout.readline())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_a_signal_reaches_it(quick_python, number):
    process, real = sleeper(quick_python)
    assert psutil.pid_exists(real)
    process.send_signal(number)
    # KeyboardInterrupt is an error of Python's, and ends it with 1
    assert process.wait(10) == (1 if number == signal.SIGINT else -number)
    until = time.monotonic() + 10
    while psutil.pid_exists(real):
        assert time.monotonic() < until, "its stand-in is gone, and it lives on"
        time.sleep(0.01)


def test_whoever_hangs_up_at_once_does_no_harm(quick_python):
    for _ in range(20):
        subprocess.Popen([quick_python, "-c", "pass"]).kill()
    assert subprocess.run([quick_python, "-c", "print('there')"], capture_output=True).stdout == b"there\n"


def test_a_process_and_its_stand_in_may_end_together(quick_python):
    for _ in range(20):
        process, real = sleeper(quick_python)
        os.kill(real, signal.SIGKILL)
        process.kill()
    assert subprocess.run([quick_python, "-c", "print('there')"], capture_output=True).stdout == b"there\n"


def test_no_two_draw_the_same_numbers(quick_python):
    code = "import numpy, random, uuid; print(numpy.random.rand(), random.random(), uuid.uuid4())"
    drawn = [subprocess.run([quick_python, "-c", code], capture_output=True, text=True).stdout.split() for _ in "ab"]
    assert len(drawn[0]) == 3
    assert not set(drawn[0]) & set(drawn[1])


def test_multiprocessing_spawns_forks_of_the_server(quick_python):
    code = """
import multiprocessing, os
if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        assert pool.map(abs, [-1, -2, 3]) == [1, 2, 3]
        assert set(pool.map(os.getenv, ["MOOD"] * 4)) == {"good"}
    print(os.fsdecode(multiprocessing.spawn.get_executable()))
"""
    done = subprocess.run([quick_python, "-c", code], capture_output=True, text=True, env=os.environ | {"MOOD": "good"})
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == quick_python


def test_it_names_itself(quick_python):
    code = "import setproctitle, time; setproctitle.setproctitle('VLLM::Worker'); print('named', flush=True); time.sleep(100)"
    process = subprocess.Popen([quick_python, "-c", code], stdout=subprocess.PIPE, env=os.environ | {"A_NEW_ONE": "1"})
    process.stdout.readline()
    titles = [" ".join(one.cmdline()) for one in psutil.process_iter(["cmdline"]) if one.info["cmdline"]]
    process.kill()
    assert any(title.startswith("VLLM::Worker") for title in titles), "the watchdog finds vLLM by this title"


@pytest.mark.e2e
def test_nothing_is_left_when_the_starter_is_gone(tmp_path):
    code = """
import os
from dqo_verl.integrations.verl.cpu import fork_server
python = fork_server.start()
print(python, fork_server.servers[0].pid, flush=True)
os.kill(os.getpid(), 9)
"""
    folder = tmp_path / "temporary"
    folder.mkdir()
    told = subprocess.run(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=os.environ | {"TMPDIR": str(folder)}
    )
    python, server = told.stdout.split()
    assert Path(python).parent.parent == folder
    until = time.monotonic() + 60
    while psutil.pid_exists(int(server)) or list(folder.glob("dqo_verl_*")):
        assert time.monotonic() < until, "the server or its folder is still there"
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ([], "/a/python"),
        (["+ray_kwargs.ray_init.runtime_env.py_executable=mine"], "mine"),
        (["+ray_kwargs.ray_init.address=auto"], None),
    ],
    ids=["its processes are forks", "but for what was typed", "and for a Ray that runs already"],
)
def test_which_python_a_cpu_run_gives_to_ray(typed, wanted, monkeypatch):
    for name in (*platform.WORKER_ENV, patches.RUN):
        monkeypatch.setenv(name, "told")
    monkeypatch.setenv(fork_server.PYTHON, "/a/python")
    config = compose("trainer.device=cpu", *typed)
    platform.configure(config)
    assert config.ray_kwargs.ray_init.runtime_env.get("py_executable") == wanted
    assert config.ray_kwargs.ray_init.runtime_env.env_vars.VERL_PLATFORM == "told"
