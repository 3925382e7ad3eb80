"""A `python` that starts at once: the fork server (`fork_server.py`) makes the process, this one stands in for it.

    fork_client.py SOCKET [-u] (FILE | -c CODE | -m MODULE) [argument ...]

Arguments, environment, directory and open files go there, with the numbers that they have here. Signals are passed on, and
the exit status comes back. Where there is no server, and for any other command line, this process becomes an ordinary
Python. Only the standard library, and little of it: an import here is paid for by every process.
"""

import array
import contextlib
import json
import os
import signal
import socket
import sys

PASSED_ON = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)


def open_files() -> list[int]:
    numbers = [int(name) for name in os.listdir("/proc/self/fd")]
    # The folder itself was open while it was listed.
    return [number for number in numbers if os.path.exists(f"/proc/self/fd/{number}")]


def without_options(arguments: list[str]) -> list[str]:
    """From FILE, -c or -m on; empty if there are other options than those that change nothing in a fork."""
    rest = list(arguments)
    # -B is what multiprocessing types in a worker of Ray
    while rest and rest[0][:2] in ("-u", "-B", "-X", "-W"):
        del rest[: 2 if rest[0] in ("-X", "-W") else 1]
    return rest if rest and (rest[0] in ("-c", "-m") or not rest[0].startswith("-")) else []


def asked(address: str, arguments: list[str]) -> tuple[int, "socket.SocketIO | None"]:
    """The process that the server has made, and where its exit status will be read; 0 if there is none."""
    files, server = open_files(), socket.socket(socket.AF_UNIX)
    unbuffered = "-u" in arguments[:1] or bool(os.environ.get("PYTHONUNBUFFERED"))
    request = json.dumps([without_options(arguments), dict(os.environ), os.getcwd(), files, unbuffered]).encode()
    try:
        server.connect(address)
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))]
        server.sendmsg([len(request).to_bytes(8, "big")], rights)
        server.sendall(request)
        answers = server.makefile("rb", buffering=0)
        return int(answers.readline() or 0), answers
    except OSError:
        return 0, None


def main(address: str, arguments: list[str]) -> None:
    process, answers = asked(address, arguments) if without_options(arguments) else (0, None)
    if answers is None or not process:
        os.execv(sys.executable, [sys.executable, *arguments])

    def pass_on(number: int, _: object) -> None:
        # It may have ended, and its status be on its way.
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, number)

    for number in PASSED_ON:
        signal.signal(number, pass_on)
    # Nothing comes if the server is gone; the process is gone with it.
    status = int(answers.readline() or -signal.SIGKILL)
    if status < 0:
        if -status in PASSED_ON:
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    os._exit(status)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
