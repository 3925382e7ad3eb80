"""The weight of a run with a target, kept beside verl's checkpoints: a line for each update, read by a run that goes on from one.

Verl's trainers save in places of their own each, and number their updates alike; so the step is all that is needed. A run that
goes on from step 50 has the weight of the last update before its first.
"""

import json
from pathlib import Path
from typing import Any

from dqo_verl.core.announcement import PREFIX
from dqo_verl.core.settings import Settings
from dqo_verl.core.target import Target, target_of

FILE = "dqo_verl_target.jsonl"


def target_in(trainer: Any, settings: Settings) -> Target | None:
    """What steers alpha in this trainer's run, made at its first update."""
    target = target_of(settings)
    if target is None:
        return None
    if "_dqo_verl_target" not in vars(trainer):
        trainer._dqo_verl_target = target
        if trainer.global_steps > 1:
            _go_on(target, trainer)
    running: Target = trainer._dqo_verl_target
    return running


def keep(target: Target, trainer: Any) -> None:
    """After an update. A run that saves nothing has nothing to go on from."""
    if trainer.config.trainer.save_freq > 0:
        file = Path(trainer.config.trainer.default_local_dir, FILE)
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a") as lines:
            lines.write(json.dumps({"step": int(trainer.global_steps), **target.state}) + "\n")


def _go_on(target: Target, trainer: Any) -> None:
    config, step = trainer.config.trainer, trainer.global_steps
    resumed_from = config.get("resume_from_path") if config.resume_mode == "resume_path" else None
    file = (Path(resumed_from).parent if resumed_from else Path(config.default_local_dir)) / FILE
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
