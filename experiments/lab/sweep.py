"""Many runs, one process per core. Runs that are in the records are skipped, so a stopped sweep resumes.

python -m experiments.lab.sweep                                      all rows on all tasks, seeds 1001 to 1020: a night
python -m experiments.lab.sweep --tasks sums few --rows grpo dqo_1 --seeds 1001-1005
"""

import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from itertools import chain
from multiprocessing import connection, get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import Any

import torch
import tyro
from tqdm import tqdm

from dqo_verl.errors import UserError, plainly
from dqo_verl.lab.policies import UntaughtError
from dqo_verl.lab.training import run
from experiments.lab import records
from experiments.lab.claims import needed
from experiments.lab.policies import start_policy
from experiments.lab.rows import ROWS
from experiments.lab.run import POLICIES
from experiments.lab.tasks import TASKS

SAVED_EVERY = 30.0

Job = tuple[str, str, int]


def one_run(job: Job) -> dict[str, Any]:
    task, row, seed = job
    start = start_policy(task, seed, POLICIES)
    began = time.process_time()
    curves = run(TASKS[task], start, ROWS[row], seed)
    return {"task": task, "row": row, "seed": seed, "curves": curves, "seconds": time.process_time() - began}


def teach(task: str, seed: int) -> None:
    start_policy(task, seed, POLICIES)


def prepare() -> None:
    """Set up a worker: one thread, and exit when the parent ends."""
    torch.set_num_threads(1)
    parent = parent_process()
    assert parent is not None

    def leave() -> None:
        connection.wait([parent.sentinel])
        os._exit(1)

    Thread(target=leave, daemon=True).start()


def jobs_of(tasks: Sequence[str], rows: Sequence[str], seeds: Sequence[int]) -> list[Job]:
    """All runs of one seed before the next seed, so that an unfinished sweep can be compared."""
    return [(task, row, seed) for seed in seeds for task in tasks for row in rows]


def finished(jobs: Sequence[Job], processes: int) -> Iterator[dict[str, Any]]:
    """Yield runs as they end. Each start policy is taught first, by one process; if it fails to learn, its runs are left out."""
    context = get_context("spawn")
    with ProcessPoolExecutor(processes, context, initializer=prepare) as pool:
        lessons: dict[Any, tuple[str, int]] = {}
        waiting: dict[tuple[str, int], list[Job]] = {}
        for task, row, seed in jobs:
            waiting.setdefault((TASKS[task].policies_of or task, seed), []).append((task, row, seed))
        left = list(waiting)
        running: set[Any] = set()
        while running or left:
            # keep more jobs than cores, so that no core waits
            while left and len(running) <= processes:
                future = pool.submit(teach, *left[0])
                lessons[future] = left.pop(0)
                running.add(future)
            ended, running = wait(running, return_when=FIRST_COMPLETED)
            for future in ended:
                if future in lessons:
                    of_policy = waiting[lessons.pop(future)]
                    try:
                        future.result()
                    except UntaughtError as error:
                        tqdm.write(f"{error}: {len(of_policy)} runs are left out")
                    else:
                        running |= {pool.submit(one_run, job) for job in of_policy}
                else:
                    yield future.result()


def sweep(
    tasks: tuple[str, ...] = tuple(TASKS),
    rows: tuple[str, ...] = tuple(ROWS),
    seeds: str = "1001-1020",
    processes: int = os.cpu_count() or 1,
    records_file: Path = records.RECORDS,
) -> None:
    """Run what the records do not have yet.

    Args:
        tasks: names in experiments/lab/tasks.py.
        rows: names in experiments/lab/rows.py.
        seeds: the first and the last seed.
        processes: number of runs at the same time.
        records_file: the table to read and to add to.
    """
    for given, known in ((tasks, TASKS), (rows, ROWS)):
        for name in given:
            if name not in known:
                raise UserError(f"{name} is not known. Choose among: {', '.join(known)}.")
    first, _, last = seeds.partition("-")
    there = records.done(records.read(records_file))
    jobs = jobs_of(tasks, rows, range(int(first), int(last or first) + 1))
    missing = [job for job in jobs if job not in there]
    of_claims = [job for job in missing if job[:2] in needed()]
    others = [job for job in missing if job[:2] not in needed()]
    print(
        f"{len(missing)} of {len(jobs)} runs to do, {processes} at a time; the {len(of_claims)} that claims need come first",
        flush=True,
    )
    unsaved: list[dict[str, Any]] = []
    saved = time.monotonic()
    try:
        runs = chain(finished(of_claims, processes), finished(others, processes))
        for one in tqdm(runs, total=len(missing), unit="run", mininterval=5):
            unsaved.append(one)
            if time.monotonic() - saved > SAVED_EVERY:
                records.add(unsaved, records_file)
                unsaved, saved = [], time.monotonic()
    finally:
        if unsaved:
            records.add(unsaved, records_file)


if __name__ == "__main__":
    raise SystemExit(plainly("sweep", lambda: tyro.cli(sweep)))
