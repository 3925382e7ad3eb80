"""The command `dqo-verl doctor`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated

from dqo_verl.doctor.installation import checks as of_installation
from dqo_verl.doctor.memory import Machine
from dqo_verl.doctor.recipe import Recipe, train
from dqo_verl.errors import UserError
from dqo_verl.flags import unset

FIRST = "dqo_gsm8k_qwen"


@dataclass(frozen=True)
class Doctor:
    """Check this installation; the exit status is 1 if a check fails."""

    recipe: Annotated[str | None, unset("none", "NAME")] = None
    """Also check this recipe: its models can be reached, and memory and disk are large enough."""

    gpus: Annotated[str | None, unset("the GPUs of this machine", "8x80")] = None
    """With --recipe: estimate its memory on other GPUs (8x80: 8 of 80 GB; 4x8x141: four nodes with 8 of 141 GB each)."""

    train: bool = False
    """After the checks, train two steps of the recipe (default: dqo_gsm8k_qwen) on the real engine."""

    def run(self) -> int:
        if self.gpus and not self.recipe:
            raise UserError("--gpus estimates the memory of a recipe: name one with --recipe")
        if self.gpus and self.train:
            raise UserError("--train trains on this machine, but --gpus describes another one: leave one of them out")
        if self.gpus and self.recipe:
            # for another machine, only memory can be estimated
            return 1 if failed({"memory": Recipe(self.recipe, Machine.of(self.gpus)).memory}) else 0
        if self.train:
            # asked for before the checks: a recipe that is not there
            Recipe(self.recipe or FIRST)
        checks = of_installation() | (Recipe(self.recipe).checks() if self.recipe else {})
        ill = failed(checks)
        print("all well" if not ill else f"{ill} of {len(checks)} checks failed")
        if ill or not self.train:
            return 1 if ill else 0
        return train(self.recipe or FIRST)


def failed(checks: Mapping[str, Callable[[], str]]) -> int:
    """Run and print each check; returns how many fail."""
    ill = 0
    for name, check in checks.items():
        try:
            print(f"  ok    {name:11} {check()}", flush=True)
        except (UserError, ImportError, OSError) as error:
            ill += 1
            print(f"  FAIL  {name:11} {error}", flush=True)
    return ill
