"""Keeps the state of a target in the trainer's checkpoints."""

from typing import Any

from transformers import TrainerCallback
from transformers.trainer_callback import ExportableState

from dqo_verl.core.target import Target


def kept_in_checkpoints(target: Target) -> "TargetState":
    """The callback for this target, of a class of its own: transformers may make a callback anew, without arguments."""
    return type(TargetState.__name__, (TargetState,), {"target": target})()


class TargetState(TrainerCallback, ExportableState):
    """Saves the target's state in `trainer_state.json` under this class's name, and restores it in a resumed run."""

    target: Target

    def state(self) -> dict[str, Any]:
        return {"args": {}, "attributes": self.target.state}

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        kept = state.stateful_callbacks.get(type(self).__name__)
        # transformers keeps a list if several callbacks have this name
        if isinstance(kept, dict):
            self.target.restore(kept["attributes"])
