"""A fork server that starts the processes of a CPU run fast: it imports what all of them need, and forks for each.

    python = start()     `python` works like any Python executable, only faster (`fork_client.py`)

A CPU run has ten Python processes, and each would import torch, transformers or vLLM for 3 to 8 s. Ray starts its workers with
this `python` (`runtime_env.py_executable`), and multiprocessing starts vLLM's processes with it.

A fork copies only one thread, so the server must not start another one. It does not import Ray, which reads a worker's
environment at its import. Environment variables that other libraries read at their import have the server's values: HF_HOME,
and those that place OpenMP's threads. (Each process sets the number of threads: OMP_NUM_THREADS, or one.) A process is a child
of the server, not of the process that requested it, and ends with the server. Linux only.
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
# servers that this process started; kept because each ends when its stdin closes
servers: list[subprocess.Popen[bytes]] = []
# Variables that are read at import, the same for all processes. One thread, as in Ray's own processes.
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "VLLM_TARGET_DEVICE": "cpu"}
# the most that the kernel sends in one message
MOST_FILES = 253
SECONDS_FOR_A_REQUEST = 10
# A socket's path has at most 107 characters.
LONGEST_PLACE = 60


def start(also: Sequence[str] = ()) -> Path:
    """Start a server and return its `python`. The server ends with this process. `also`: more modules to import first."""
    place = tempfile.gettempdir()
    # Ray does not quote the path, so it must not have a space.
    fits = len(place) <= LONGEST_PLACE and " " not in place
    folder = Path(tempfile.mkdtemp(prefix="dqo_verl_", dir=place if fits else "/tmp"))
    python, address = folder / "python", folder / "socket"
    client = Path(__file__).with_name("fork_client.py")
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "{client}" "{address}" "$@"\n')
    python.chmod(0o755)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(address))
        # Requests that arrive before the imports are done wait here.
        listener.listen(100)
        process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(folder), str(listener.fileno()), *also],
            stdin=subprocess.PIPE,
            pass_fds=[listener.fileno()],
            # Ctrl-C goes to the driver only, which ends the other processes.
            start_new_session=True,
            env={PYTHON: str(python), "VLLM_LOGGING_LEVEL": "WARN"} | os.environ | ENVIRONMENT,
        )
    servers.append(process)
    return python


def serve(folder: Path, listener: socket.socket, also: Sequence[str]) -> None:
    """Fork a process for each request, until stdin closes."""
    # A shell makes background processes ignore SIGINT, and forks would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # as Ray does for its own processes
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 65536)), hard))
    with low_numbers_taken():
        for name in (*PRELOADED, *also):
            importlib.import_module(name)
    # Processes that a fork starts are forks of the server too.
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
                    # Client and process ended together, and the process was handled already.
                    continue
                elif key.fileobj is clients[process]:
                    # The client is gone: kill its process.
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
    """Files opened inside get high numbers, which forks keep open: a fork writes to multiprocessing's tracker, for example."""
    taken = [os.open(os.devnull, os.O_RDONLY)]
    while taken[-1] < FIRST_OF_OURS - 1:
        taken.append(os.dup(taken[0]))
    try:
        yield
    finally:
        for file in taken:
            os.close(file)


def fork_for(client: socket.socket) -> int:
    """Fork the requested process and return its id; 0 if the client is gone."""
    # A client that stops writing must not block the others.
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
    """Send a number to a client. If it was killed, `serve` notices that its socket has closed."""
    with contextlib.suppress(ConnectionError):
        client.sendall(b"%d\n" % number)


def received(client: socket.socket) -> tuple[int, list[int]]:
    """The length of the request that follows, and the client's files."""
    files = array.array("i")
    header, ancillary, _, _ = client.recvmsg(8, socket.CMSG_SPACE(MOST_FILES * files.itemsize))
    for _, _, data in ancillary:
        files.frombytes(data)
    return int.from_bytes(header, "big"), list(files)


if __name__ == "__main__":
    serve(Path(sys.argv[1]), socket.socket(fileno=int(sys.argv[2])), sys.argv[3:])
