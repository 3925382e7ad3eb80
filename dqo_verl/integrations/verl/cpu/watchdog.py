"""Ends a CPU run whose vLLM processes died: verl's trainer would wait for their answer forever."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

SECONDS_BETWEEN_LOOKS = 2.0


def vllm_processes() -> set[int]:
    """The vLLM processes that started after this one, under the same raylet. Assumes one machine and one run."""
    me = psutil.Process()
    found = set()
    for process in me.parent().children(recursive=True):
        try:
            if process.create_time() > me.create_time() and "".join(process.cmdline()[:1]).startswith("VLLM::"):
                found.add(process.pid)
        except psutil.NoSuchProcess:
            continue
    return found


@contextmanager
def guard() -> Iterator[None]:
    """During training, end this process if a vLLM process dies: the driver then stops with an error."""
    alive = vllm_processes()
    over = threading.Event()

    def look() -> None:
        while not over.wait(SECONDS_BETWEEN_LOOKS):
            if dead := {pid for pid in alive if not psutil.pid_exists(pid)}:
                print(f"[dqo_verl] vLLM process {min(dead)} died; see its output above. The run ends.", file=sys.stderr)
                sys.stderr.flush()
                os._exit(1)

    threading.Thread(target=look, daemon=True).start()
    try:
        yield
    finally:
        over.set()
