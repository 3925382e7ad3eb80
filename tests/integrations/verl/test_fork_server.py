"""A `python` of the fork server is a process like any other, to whoever starts it and to itself."""

import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from dqo_verl.integrations.cpu import fork_server
from dqo_verl.integrations.verl import ray_address
from dqo_verl.integrations.verl.cpu import patches, platform

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


def test_modules_beside_the_file_and_in_pythonpath_are_found_and_spawned(quick_python, tmp_path):
    (tmp_path / "beside.py").write_text("def double(number): return 2 * number")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/far.py").write_text("NAME = 'far'")
    (tmp_path / "main.py").write_text("""
import multiprocessing, beside, far
if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        print(far.NAME, pool.map(beside.double, [1, 2]))
""")
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "elsewhere")}
    done = subprocess.run([quick_python, "main.py"], capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert done.stdout == "far [2, 4]\n", done.stderr


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


def gone(pid):
    """Within ten seconds; what nobody has reaped is gone too."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.01)
    return False


SLEEPER = "import os, time; print(os.getpid(), flush=True); time.sleep(100)"


def sleeper(python):
    process = subprocess.Popen([python, "-c", SLEEPER], stdout=subprocess.PIPE, text=True)
    return process, int(process.stdout.readline())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_a_signal_reaches_it(quick_python, number):
    process, real = sleeper(quick_python)
    assert psutil.pid_exists(real)
    process.send_signal(number)
    assert process.wait(10) == -number
    assert gone(real), "its stand-in is gone, and it lives on"


def hang_up(address, *parts):
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(address))
        for part in parts:
            client.sendall(part)


def test_whoever_hangs_up_halfway_does_no_harm(quick_python):
    address, size = Path(quick_python).with_name("socket"), (1000).to_bytes(8, "big")
    for parts in ([], [size[:3]], [size], [size, b"[["], [(2).to_bytes(8, "big"), b"[]"]):
        hang_up(address, *parts)
    assert subprocess.run([quick_python, "-c", "print('there')"], capture_output=True).stdout == b"there\n"


@pytest.fixture(scope="module")
def own_server():
    """To be stopped and, by the last test that has it, killed."""
    python = fork_server.start()
    return str(python), fork_server.servers[-1]


@pytest.mark.e2e
def test_a_process_and_its_stand_in_may_end_together(own_server):
    """The server is stopped meanwhile, and then hears of both at once."""
    python, server = own_server
    for first, second in itertools.permutations(("real", "stand-in")):
        stand_in, real = sleeper(python)
        server.send_signal(signal.SIGSTOP)
        end = {"real": lambda real=real: os.kill(real, signal.SIGKILL), "stand-in": stand_in.kill}
        end[first]()
        time.sleep(0.3)
        end[second]()
        stand_in.wait()
        server.send_signal(signal.SIGCONT)
        done = subprocess.run([python, "-c", "import os; print(os.getppid())"], capture_output=True, text=True)
        assert int(done.stdout) == server.pid, "a fork, not the ordinary Python that steps in when the server is gone"


@pytest.mark.e2e
def test_without_its_server_it_is_an_ordinary_python(own_server, tmp_path):
    python, server = own_server
    process, real = sleeper(python)
    copy = shutil.copy(python, tmp_path / "python")
    server.kill()
    assert process.wait(10) == -signal.SIGKILL
    assert gone(real), "what was forked ends with the server"
    done = subprocess.run(
        [copy, "-c", "import sys; print(sys.argv, sys.executable)", "a"], capture_output=True, text=True
    )
    assert done.stdout.split() == ["['-c',", "'a']", sys.executable]
    assert subprocess.run([copy, "-V"], capture_output=True, text=True).stdout.startswith("Python 3.")


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
        assert pool.apply(os.getppid) == os.getppid(), "all are children of the server"
    print(os.fsdecode(multiprocessing.spawn.get_executable()))
"""
    environment = os.environ | {"MOOD": "good"}
    done = subprocess.run([quick_python, "-B", "-c", code], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == quick_python


def test_it_names_itself(quick_python):
    code = f"import setproctitle; setproctitle.setproctitle('VLLM::Worker'); {SLEEPER}"
    environment = os.environ | {"A_NEW_ONE": "1"}
    process = subprocess.Popen([quick_python, "-c", code], stdout=subprocess.PIPE, text=True, env=environment)
    title = psutil.Process(int(process.stdout.readline())).cmdline()
    process.kill()
    assert title[0].startswith("VLLM::Worker"), "the watchdog finds vLLM by this title"


@pytest.mark.e2e
def test_nothing_is_left_when_the_starter_is_gone():
    code = """
import os
from dqo_verl.integrations.cpu import fork_server
python = fork_server.start()
print(python, fork_server.servers[0].pid, flush=True)
os.kill(os.getpid(), 9)
"""
    told = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    python, server = told.stdout.split()
    until = time.monotonic() + 60
    while Path(python).parent.exists():
        assert time.monotonic() < until, "the server's folder is still there"
        time.sleep(0.1)
    assert gone(int(server))


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ([], "/a/python"),
        (["+ray_kwargs.ray_init.runtime_env.py_executable=mine"], "mine"),
        (["+ray_kwargs.ray_init.address=local"], "/a/python"),
        (["+ray_kwargs.ray_init.address=auto"], None),
    ],
    ids=["its processes are forks", "but for what was typed", "local is its own", "and for a Ray that runs already"],
)
def test_which_python_a_cpu_run_gives_to_ray(typed, wanted, monkeypatch):
    for name in (*platform.WORKER_ENV, patches.RUN):
        monkeypatch.setenv(name, "told")
    monkeypatch.setenv(fork_server.PYTHON, "/a/python")
    config = compose("trainer.device=cpu", *typed)
    platform.configure(config, ray_address.named(config), gpus=2)
    own = {"address": "local", "num_gpus": 2, "num_cpus": platform.RAY_CPUS}
    asked = {key: config.ray_kwargs.ray_init.get(key) for key in own}
    assert asked == (own if wanted else {"address": "auto", "num_gpus": None, "num_cpus": None})
    assert config.ray_kwargs.ray_init.runtime_env.get("py_executable") == wanted
    assert config.ray_kwargs.ray_init.runtime_env.env_vars.VERL_PLATFORM == "told"
