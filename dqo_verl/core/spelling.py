"""How a trainer's command line spells our settings, so that a message says exactly what to type."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Spelling:
    """Plain `alpha=1` by default; each trainer sets its own templates, and verl has a separate one for the measure."""

    setting: str = "{key}={value}"
    measure: str = "measure={value}"
    # the trainer's own settings that leave a GPU, or GPU memory, for the feature model
    leave_a_gpu: str = "give the trainer one GPU less"
    leave_room: str = "give the trainer less of its memory"
    # what to type for a base that does not compare within groups, if the trainer has one
    without_groups: str = ""

    def __call__(self, key: str, value: Any) -> str:
        """What to type for `key` = `value`."""
        template = self.measure if key == "measure" else self.setting
        return template.format(key=key, value=value)

    def name(self, key: str) -> str:
        """The setting without its value and without Hydra's plus sign."""
        return self(key, "").rstrip("= ").lstrip("+")


PLAIN = Spelling()
