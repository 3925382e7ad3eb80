"""A `python` that is up at once: the fork server (`fork_server.py`) makes the process, this one stands in for it.

    fork_client.py SOCKET [-u] (FILE | -c CODE | -m MODULE) [argument ...]

Arguments, environment, directory and open files go there, with the numbers that they have here. Signals are passed on, and
the exit status comes back. Only the standard library, and little of it: an import here is paid for by every process.
"""

import array
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


def main(address: str, arguments: list[str]) -> None:
    files = open_files()
    server = socket.socket(socket.AF_UNIX)
    server.connect(address)
    request = json.dumps([arguments, dict(os.environ), os.getcwd(), files]).encode()
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))]
    server.sendmsg([len(request).to_bytes(8, "big")], rights)
    server.sendall(request)
    answers = server.makefile()
    first = answers.readline()
    if not first:
        sys.exit("the fork server is gone")
    process = int(first)
    for number in PASSED_ON:
        signal.signal(number, lambda number, _: os.kill(process, number))
    # Nothing comes if the server is gone.
    status = int(answers.readline() or 1)
    if status < 0:
        signal.signal(-status, signal.SIG_DFL) if -status in PASSED_ON else None
        os.kill(os.getpid(), -status)
    os._exit(status)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
