"""Start policies on disk, because teaching one takes half a minute."""

from pathlib import Path

import torch

from dqo_verl.lab.policies import Start, UntaughtError, teach
from experiments.lab.tasks import TASKS


def start_policy(task_name: str, seed: int, directory: Path) -> Start:
    """Teach the policy, or load it from `directory`, which also remembers the policies that did not learn."""
    name = TASKS[task_name].policies_of or task_name
    file = directory / f"{name}-s{seed}.pt"
    if not file.exists():
        directory.mkdir(parents=True, exist_ok=True)
        failed, partial = file.with_suffix(".untaught"), file.with_suffix(".partial")
        if failed.exists():
            raise UntaughtError(failed.read_text())
        try:
            torch.save(teach(TASKS[name], seed, name), partial)
        except UntaughtError as error:
            failed.write_text(str(error))
            raise
        partial.rename(file)
    found: Start = torch.load(file, weights_only=False)
    return found
