"""Saves the state of a target beside a trainer's checkpoints, one line per update, and restores it in a resumed run.

The number of an update is enough to find the state: a run that resumes from step 50 gets the state of the last update before its
first one. verl's fully asynchronous trainer skips a number when it resumes, so there the state may be one update late.
"""

import json
from pathlib import Path

from dqo_verl.core.announcement import PREFIX
from dqo_verl.core.target import Target
from dqo_verl.jsonl import whole_lines

NAME = "dqo_verl_target.jsonl"


def keep(target: Target, folder: Path, step: int) -> None:
    """Append the state after update number `step`."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / NAME).open("a") as lines:
        lines.write(json.dumps({"step": step, **target.state}) + "\n")


def go_on(target: Target, folder: Path, step: int) -> None:
    """Restore the state before update number `step` of a resumed run."""
    file = folder / NAME
    lines = [json.loads(line) for line in whole_lines(file)]
    # of a step that was run twice, the last line counts
    before = {line["step"]: line for line in lines if line["step"] < step}
    if before:
        target.restore(before[max(before)])
        print(f"{PREFIX} alpha continues at {target.alpha:.4g}, its value after step {max(before)}", flush=True)
    else:
        print(
            f"{PREFIX} note: {file} has no step before {step}, so alpha starts at {target.alpha:g}, and the target compares "
            "with the policy as it is now.",
            flush=True,
        )
