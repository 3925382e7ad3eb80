"""A `python` that starts fast: the fork server (`fork_server.py`) forks the process, and this one stands in for it.

    fork_client.py SOCKET [-u] (FILE | -c CODE | -m MODULE) [argument ...]

It sends arguments, environment, directory and open files (with their numbers) to the server, passes signals on to the fork, and
exits with the fork's status. Without a server, and for any other command line, it becomes an ordinary Python. It imports only a
little of the standard library, because every process pays for an import here.
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
    # Listing opened the folder itself, which is closed again.
    return [number for number in numbers if os.path.exists(f"/proc/self/fd/{number}")]


def without_options(arguments: list[str]) -> list[str]:
    """The arguments from FILE, -c or -m on; empty if an option before them would matter in a fork."""
    rest = list(arguments)
    # multiprocessing adds -B in a Ray worker
    while rest and rest[0][:2] in ("-u", "-B", "-X", "-W"):
        del rest[: 2 if rest[0] in ("-X", "-W") else 1]
    return rest if rest and (rest[0] in ("-c", "-m") or not rest[0].startswith("-")) else []


def asked(address: str, arguments: list[str]) -> tuple[int, "socket.SocketIO | None"]:
    """The id of the process that the server forked, and the file with its exit status; 0 if it forked none."""
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
        # The process may have ended before its status has arrived.
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, number)

    for number in PASSED_ON:
        signal.signal(number, pass_on)
    # Nothing comes if the server died; then the process died with it.
    status = int(answers.readline() or -signal.SIGKILL)
    if status < 0:
        if -status in PASSED_ON:
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    os._exit(status)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
