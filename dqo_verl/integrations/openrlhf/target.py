"""Keeps the state of a target between the updates of OpenRLHF's trainer, and in a file beside its checkpoints."""

from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from dqo_verl.core.features import Features
from dqo_verl.core.settings import Settings
from dqo_verl.core.target import Target, target_of
from dqo_verl.integrations import target_file


class SteeredRun:
    """The target of a run. It counts updates, because OpenRLHF does not name the step; a resumed run asks its checkpoint."""

    def __init__(self, target: Target, checkpoints: Any):
        """`checkpoints`: OpenRLHF's `ckpt` arguments."""
        self.target, self.folder = target, Path(checkpoints.path)
        self.resumes = checkpoints.load_enable and (self.folder / "_actor").exists()
        self.step: int | None = None

    def settings(self, maker: Any) -> Settings:
        """The settings for the next update."""
        if self.step is None:
            self.step = self._steps_before(maker) if self.resumes else 0
            if self.step:
                target_file.go_on(self.target, self.folder, self.step + 1)
        self.step += 1
        return self.target.settings

    def _steps_before(self, maker: Any) -> int:
        import ray

        states = ray.get(maker.actor_model_group.async_run_method(method_name="get_checkpoint_states"))
        return int(states[0]["global_step"])

    def follow(self, quality: Tensor, groups: Sequence[Hashable], features: Features) -> dict[str, float]:
        metrics = self.target.follow(quality, groups, features)
        assert self.step is not None
        # always: without save_steps, OpenRLHF still keeps the best checkpoint of its evaluations
        target_file.keep(self.target, self.folder, self.step)
        return metrics


def steered_run(settings: Settings, arguments: Any) -> SteeredRun | None:
    target = target_of(settings)
    return SteeredRun(target, arguments.ckpt) if target else None
