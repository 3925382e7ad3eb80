"""`dqo-verl check OVERRIDES ...`: runs all checks of a verl command without starting the run."""

import subprocess
import sys
from dataclasses import dataclass
from typing import Annotated

from tyro.conf import Positional, arg

# Hydra leaves no folder behind
NO_TRACE = ("hydra.output_subdir=null", "hydra.run.dir=.", "hydra/job_logging=disabled")


@dataclass(frozen=True)
class Check:
    """Check a verl command, and show which settings are in force and where each comes from. Starts nothing."""

    overrides: Annotated[
        Positional[tuple[str, ...]], arg(metavar="OVERRIDE ...", help_behavior_hint="(default: none)")
    ] = ()
    """The overrides that you would type after `python -m verl.trainer.main_ppo`."""

    trainer: str = "verl.trainer.main_ppo"
    """The module that the command starts."""

    def run(self) -> int:
        checked = "dqo_verl.integrations.verl.checked"
        return subprocess.run([sys.executable, "-m", checked, self.trainer, *self.overrides, *NO_TRACE]).returncode
