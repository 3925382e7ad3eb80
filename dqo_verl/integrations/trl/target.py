"""The weight of a run with a target, in the trainer's checkpoints."""

from typing import Any

from transformers import TrainerCallback
from transformers.trainer_callback import ExportableState

from dqo_verl.core.target import Target


class TargetState(TrainerCallback, ExportableState):
    """What `trainer_state.json` holds under this name, and where a run that goes on finds it."""

    def __init__(self, target: Target):
        self.target = target

    def state(self) -> dict[str, Any]:
        return {"args": {}, "attributes": self.target.state}

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        kept = state.stateful_callbacks.get(type(self).__name__)
        # several of one name are a list
        if isinstance(kept, dict):
            self.target.restore(kept["attributes"])
