"""Keeps the state of a target between the updates of verl's trainer, and in a file beside its checkpoints."""

from pathlib import Path
from typing import Any

from dqo_verl.core.settings import Settings
from dqo_verl.core.target import Target, target_of
from dqo_verl.integrations import target_file


def target_in(trainer: Any, settings: Settings) -> Target | None:
    """The target that sets alpha in this trainer's run, created at the first update; None for a run without one."""
    target = target_of(settings)
    if target is None:
        return None
    if "_dqo_verl_target" not in vars(trainer):
        trainer._dqo_verl_target = target
        if trainer.global_steps > 1:
            target_file.go_on(target, _folder_before(trainer.config.trainer), trainer.global_steps)
    running: Target = trainer._dqo_verl_target
    return running


def keep(target: Target, trainer: Any) -> None:
    """Save the state after an update, if the run saves checkpoints."""
    if trainer.config.trainer.save_freq > 0:
        target_file.keep(target, Path(trainer.config.trainer.default_local_dir), int(trainer.global_steps))


def _folder_before(config: Any) -> Path:
    """The checkpoint folder of the run that this one resumes."""
    resumed_from = config.get("resume_from_path") if config.resume_mode == "resume_path" else None
    return Path(resumed_from).parent if resumed_from else Path(config.default_local_dir)
