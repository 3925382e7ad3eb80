"""One run of the lab.

python -m experiments.lab.run TASK SEED ROW        takes seconds; prints the metrics of each evaluated step
"""

import sys
import time
from pathlib import Path

import torch

from dqo_verl.lab.training import run
from experiments.lab.policies import start_policy
from experiments.lab.rows import ROWS
from experiments.lab.tasks import TASKS

POLICIES = Path("runs/lab/policies")

if __name__ == "__main__":
    torch.set_num_threads(1)
    task_name, seed, row_name = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    start = start_policy(task_name, seed, POLICIES)
    began, used = time.perf_counter(), time.process_time()
    for step, found in run(TASKS[task_name], start, ROWS[row_name], seed).items():
        print(step, found)
    print(f"{time.perf_counter() - began:.1f} s, {time.process_time() - used:.1f} s of one core")
