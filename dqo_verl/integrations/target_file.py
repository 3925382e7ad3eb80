"""The weight of a run with a target, kept beside a trainer's checkpoints: a line for each update, read by a run that goes on from one.

Trainers save in places of their own each, and number their updates alike; so the step is all that is needed. A run that
goes on from step 50 has the weight of the last update before its first.
"""

import json
from pathlib import Path

from dqo_verl.core.announcement import PREFIX
from dqo_verl.core.target import Target

NAME = "dqo_verl_target.jsonl"


def keep(target: Target, folder: Path, step: int) -> None:
    """After an update."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / NAME).open("a") as lines:
        lines.write(json.dumps({"step": step, **target.state}) + "\n")


def go_on(target: Target, folder: Path, step: int) -> None:
    """Before update number `step` of a run that was resumed."""
    file = folder / NAME
    lines = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    # a step that was run twice counts as it was run last
    before = {line["step"]: line for line in lines if line["step"] < step}
    if before:
        target.restore(before[max(before)])
        print(f"{PREFIX} alpha goes on from {target.alpha:.4g}, as after step {max(before)}", flush=True)
    else:
        print(
            f"{PREFIX} note: {file} has no step before {step}. Alpha starts at {target.alpha:g}, and the target is a share of what the "
            "policy is like now.",
            flush=True,
        )
