"""Runs in a fork of the server (`fork_server.py`): becomes the requested process, like a fresh Python, and ends."""

import atexit
import ctypes
import fcntl
import json
import multiprocessing
import os
import runpy
import signal
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import NoReturn

import numpy

# The environment variable with an existing `python` of a fork server, which all processes of a run then use.
PYTHON = "DQO_VERL_PYTHON"
# File numbers below it belong to the requested process; files that the server's imports keep open have higher ones.
FIRST_OF_OURS = 512
LIBC, PR_SET_PDEATHSIG = ctypes.CDLL(None), 1


def run(request: bytes, files: list[int]) -> NoReturn:
    """Run the request in the new process, then end it."""
    status = 1
    try:
        # All processes end with the server.
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        # Ray kills a worker's process group, which must not be the server's.
        os.setpgid(0, 0)
        arguments, environment, directory, numbers, unbuffered = json.loads(request)
        take(files, numbers)
        settle(environment, directory)
        if unbuffered:
            sys.stdout.reconfigure(write_through=True)  # type: ignore[union-attr]
        execute(arguments)
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
        if not isinstance(end.code, int | None):
            print(end.code, file=sys.stderr)
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
        if isinstance(error, KeyboardInterrupt):
            status = -signal.SIGINT
    try:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        if status < 0:
            signal.signal(-status, signal.SIG_DFL)
            os.kill(os.getpid(), -status)
        os._exit(status)


def take(files: list[int], numbers: list[int]) -> None:
    """Give each file the number that it had in the client, and close the server's own sockets."""
    above = max(FIRST_OF_OURS, *numbers) + 1
    aside = [fcntl.fcntl(file, fcntl.F_DUPFD, above) for file in files]
    os.closerange(0, FIRST_OF_OURS)
    for file, number in zip(aside, numbers, strict=True):
        os.dup2(file, number)
        os.close(file)


def settle(environment: dict[str, str], directory: str) -> None:
    """Set what a fresh Python reads when it starts."""
    import torch

    os.chdir(directory)
    multiprocessing.process.ORIGINAL_DIR = directory  # type: ignore[attr-defined]
    # Change only what differs, and never the first variable: code that sets a process title uses its address.
    for name in os.environ.keys() - environment.keys() - {PYTHON}:
        del os.environ[name]
    os.environ.update(dict(environment.items() - os.environ.items()))
    more = environment.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[1:1] = [place for place in more if place and place not in sys.path]
    torch.set_num_threads(int(environment.get("OMP_NUM_THREADS", "1").split(",")[0]))
    # NumPy was seeded at its import; `random` reseeds itself after a fork.
    numpy.random.seed()


def execute(arguments: list[str]) -> None:
    """Run a command line as the Python interpreter does."""
    main = sys.modules["__main__"] = ModuleType("__main__")
    match arguments:
        case ["-m", name, *rest]:
            sys.argv = [name, *rest]
            sys.path[0] = os.getcwd()
            runpy.run_module(name, run_name="__main__", alter_sys=True)
        case ["-c", code, *rest]:
            sys.argv = ["-c", *rest]
            sys.path[0] = ""
            exec(code, main.__dict__)
        case [file, *_]:
            sys.argv = arguments
            sys.path[0] = str(Path(file).resolve().parent)
            main.__dict__["__file__"] = os.path.abspath(file)
            exec(compile(Path(file).read_bytes(), file, "exec"), main.__dict__)
