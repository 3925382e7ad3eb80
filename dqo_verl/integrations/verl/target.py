"""The weight of a run with a target, from update to update of one of verl's trainers, and beside its checkpoints."""

from pathlib import Path
from typing import Any

from dqo_verl.core.settings import Settings
from dqo_verl.core.target import Target, target_of
from dqo_verl.integrations import target_file


def target_in(trainer: Any, settings: Settings) -> Target | None:
    """What steers alpha in this trainer's run, made at its first update."""
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
    """After an update. A run that saves nothing has nothing to go on from."""
    if trainer.config.trainer.save_freq > 0:
        target_file.keep(target, Path(trainer.config.trainer.default_local_dir), int(trainer.global_steps))


def _folder_before(config: Any) -> Path:
    """Of the run that this one goes on from."""
    resumed_from = config.get("resume_from_path") if config.resume_mode == "resume_path" else None
    return Path(resumed_from).parent if resumed_from else Path(config.default_local_dir)
