"""Processes of a CPU run that start at once: one process imports what all of them need, and forks for each.

    python = start()     `python` is an executable like any other, only faster (`fork_client.py`)

A run of an engine has ten Python processes, each of which imports torch, transformers or vLLM for 3 to 8 s. Ray starts
its workers by this `python` (`runtime_env.py_executable`), and so does multiprocessing the processes of vLLM.

Fork copies one thread, so nothing here may start another. Ray is left out: it reads the environment of a worker at its
import. What the other libraries read at theirs is the server's: HF_HOME, the place of OpenMP's threads (their number is
set, one unless OMP_NUM_THREADS says more). A process is a child of the server, not of whoever asked for it, and ends with
the server. Linux only.
"""

import array
import contextlib
import importlib
import multiprocessing
import os
import resource
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from dqo_verl.integrations.cpu.forked import FIRST_OF_OURS, run
from dqo_verl.integrations.cpu.forked import PYTHON as PYTHON

PRELOADED = (
    "torch._dynamo",
    "torch.distributed.fsdp",
    "transformers.models.qwen2.modeling_qwen2",
    "sentence_transformers",
    "vllm.engine.arg_utils",
    "vllm.entrypoints.openai.api_server",
)
# started by this process, kept: each ends when its stdin closes
servers: list[subprocess.Popen[bytes]] = []
# What is read at an import, for all. One thread, as in Ray's own processes.
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "VLLM_TARGET_DEVICE": "cpu"}
# most that the kernel takes at once
MOST_FILES = 253
SECONDS_FOR_A_REQUEST = 10
# A socket's path has at most 107 characters.
LONGEST_PLACE = 60


def start(also: Sequence[str] = ()) -> Path:
    """The `python`. The server ends when this process ends. `also`: more modules that it imports first."""
    place = tempfile.gettempdir()
    # Ray does not quote the path.
    fits = len(place) <= LONGEST_PLACE and " " not in place
    folder = Path(tempfile.mkdtemp(prefix="dqo_verl_", dir=place if fits else "/tmp"))
    python, address = folder / "python", folder / "socket"
    client = Path(__file__).with_name("fork_client.py")
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "{client}" "{address}" "$@"\n')
    python.chmod(0o755)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(address))
        # A process that is asked for before everything is imported waits here.
        listener.listen(100)
        process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(folder), str(listener.fileno()), *also],
            stdin=subprocess.PIPE,
            pass_fds=[listener.fileno()],
            # Ctrl-C is for the driver, which ends the rest.
            start_new_session=True,
            env={PYTHON: str(python), "VLLM_LOGGING_LEVEL": "WARN"} | os.environ | ENVIRONMENT,
        )
    servers.append(process)
    return python


def serve(folder: Path, listener: socket.socket, also: Sequence[str]) -> None:
    """Until stdin ends."""
    # A shell ignores it for what runs in the background, and whatever is forked here would too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # as Ray does for its own
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 65536)), hard))
    with low_numbers_taken():
        for name in (*PRELOADED, *also):
            importlib.import_module(name)
    # The children's children are forks too.
    multiprocessing.set_executable(str(folder / "python"))
    if "ray" in sys.modules or threading.active_count() > 1:
        raise RuntimeError(f"the fork server has imported Ray or started a thread: {threading.enumerate()}")
    sys.stdout.flush()
    clients: dict[int, socket.socket] = {}
    with selectors.DefaultSelector() as watched:
        watched.register(sys.stdin, selectors.EVENT_READ)
        watched.register(listener, selectors.EVENT_READ)
        while True:
            for key, _ in watched.select():
                process = key.data
                if key.fileobj is sys.stdin:
                    shutil.rmtree(folder, ignore_errors=True)
                    return
                if key.fileobj is listener:
                    client, _ = listener.accept()
                    if process := fork_for(client):
                        clients[process] = client
                        watched.register(os.pidfd_open(process), selectors.EVENT_READ, process)
                        watched.register(client, selectors.EVENT_READ, process)
                elif process not in clients:
                    # Both ended at once, and the end of the process has been seen to.
                    continue
                elif key.fileobj is clients[process]:
                    # The client is gone, and the process goes with it.
                    os.kill(process, signal.SIGKILL)
                    watched.unregister(key.fileobj)
                else:
                    watched.unregister(key.fileobj)
                    os.close(key.fd)
                    _, status = os.waitpid(process, 0)
                    client = clients.pop(process)
                    tell(client, os.waitstatus_to_exitcode(status))
                    if client in watched.get_map():
                        watched.unregister(client)
                    client.close()


@contextlib.contextmanager
def low_numbers_taken() -> Iterator[None]:
    """What is opened here gets a number of ours: multiprocessing's tracker, for one, is written to as long as a fork lives."""
    taken = [os.open(os.devnull, os.O_RDONLY)]
    while taken[-1] < FIRST_OF_OURS - 1:
        taken.append(os.dup(taken[0]))
    try:
        yield
    finally:
        for file in taken:
            os.close(file)


def fork_for(client: socket.socket) -> int:
    """0 if whoever asked is gone."""
    # A client that does not go on writing must not keep the others waiting.
    client.settimeout(SECONDS_FOR_A_REQUEST)
    files: list[int] = []
    request = b""
    try:
        size, files = received(client)
        while len(request) < size and (more := client.recv(size - len(request))):
            request += more
    except OSError:
        size = 0
    client.settimeout(None)
    process = 0
    if request and len(request) == size:
        process = os.fork()
        if not process:
            run(request, files)
        tell(client, process)
    else:
        client.close()
    for file in files:
        os.close(file)
    return process


def tell(client: socket.socket, number: int) -> None:
    """The client may have been killed: its end of the line says so to `serve`."""
    with contextlib.suppress(ConnectionError):
        client.sendall(b"%d\n" % number)


def received(client: socket.socket) -> tuple[int, list[int]]:
    """The length of what follows, and the files."""
    files = array.array("i")
    header, ancillary, _, _ = client.recvmsg(8, socket.CMSG_SPACE(MOST_FILES * files.itemsize))
    for _, _, data in ancillary:
        files.frombytes(data)
    return int.from_bytes(header, "big"), list(files)


if __name__ == "__main__":
    serve(Path(sys.argv[1]), socket.socket(fileno=int(sys.argv[2])), sys.argv[3:])
