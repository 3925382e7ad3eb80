"""Checks whether a machine has what a recipe needs: models, memory for training, disk for checkpoints."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from dqo_verl.doctor.installation import asked_of_gpus
from dqo_verl.doctor.memory import USABLE, Machine, has_critic, needs, table, what_to_type
from dqo_verl.doctor.shapes import billions, shape_of
from dqo_verl.errors import UserError

RECIPES = Path(__file__).parents[2] / "recipes"
# verl's settings and ours that name a model
MODELS = (
    "actor_rollout_ref.model.path",
    "reward.reward_model.model_path",
    "reward.custom_reward_function.reward_kwargs.model",
    "algorithm.diversity.classifier",
    "algorithm.diversity.embedder",
)
# prefixes of gated models
GATED = ("meta-llama/", "google/gemma")
# bytes per parameter: weights and moments in fp32, without the gradients
CHECKPOINT = 12
GIGA = 1e9


class Recipe:
    """A recipe, by name or file, with the settings of the command that it would run on this or another machine's GPUs."""

    def __init__(self, name: str, machine: Machine | None = None):
        self.machine = machine
        script = RECIPES / f"{Path(name).stem}.sh"
        if not script.is_file():
            known = (
                ", ".join(path.stem for path in sorted(RECIPES.glob("[!_]*.sh")))
                or "they are in a clone of the repository, where you type pip install -e ."
            )
            raise UserError(f"there is no recipe {Path(name).stem}. Recipes: {known}.")
        of_machine = {}
        if machine:
            of_machine = {"NNODES": str(machine.nodes), "NGPUS": str(machine.gpus)}
        self.settings, self.runs = _settings(script, of_machine)
        if machine and self.settings.get("reward.reward_model.enable") == "True":
            served = machine.gpus // 2
            self.settings, _ = _settings(
                script, of_machine | {"NGPUS": str(machine.gpus - served), "RM_GPUS": str(served)}
            )
        if MODELS[0] not in self.settings:
            raise UserError(f"{script.name} trains no policy with verl: run dqo-verl doctor without --recipe.")

    @property
    def gpus(self) -> int:
        return int(self.settings["trainer.n_gpus_per_node"]) * int(self.settings["trainer.nnodes"])

    @property
    def parameters(self) -> float | None:
        """Number of parameters of the policy; None if neither its config nor its name says it."""
        shape = shape_of(self.settings[MODELS[0]])
        return shape.parameters if shape else billions(self.settings[MODELS[0]])

    def models(self) -> str:
        from huggingface_hub import get_token

        from dqo_verl.models.hub import reach

        names = list(dict.fromkeys(self.settings[key] for key in MODELS if key in self.settings))
        for name in names:
            try:
                reach(name, "{}".format)
            except UserError as error:
                if not name.startswith(GATED) or get_token() is not None:
                    raise
                raise UserError(
                    f"{name} is gated, and there is no token: accept its terms at https://huggingface.co/{name}, then run "
                    "hf auth login, or set HF_TOKEN."
                ) from error
        return ", ".join(names)

    def memory(self) -> str:
        """The memory estimate for the machine that was named, or for the GPUs of this one."""
        shape = shape_of(self.settings[MODELS[0]])
        if shape is None:
            return f"not estimated: the shape of {self.settings[MODELS[0]]} is not known before it is loaded"
        # some cards say [N/A]
        said = [words.strip() for words in asked_of_gpus("memory.total")]
        have = [float(mebibytes) * 2**20 / GIGA for mebibytes in said if mebibytes.isdecimal()]
        if not self.machine and not have:
            return "no GPU here says how much memory it has: to estimate for eight GPUs of 80 GB, add --gpus 8x80"
        gigabytes = self.machine.gigabytes if self.machine else min(have)
        found = needs(self.settings, shape, self.gpus, gigabytes)
        typed = what_to_type(self.settings, shape, self.gpus, gigabytes)
        told = f"estimated for {self.gpus} training GPUs of {gigabytes:.0f} GB\n{table(found, gigabytes)}"
        if typed or found.most > USABLE * gigabytes:
            raise UserError(f"{told}\nWrite {typed} in front of the recipe.")
        return told

    def disk(self) -> str:
        place = Path(self.settings["trainer.default_local_dir"])
        place = next(folder for folder in (place, *place.parents) if folder.exists())
        free = shutil.disk_usage(place).free / GIGA
        if self.parameters is None:
            return f"{free:.0f} GB are free in {place}"
        kept = int(self.settings["trainer.max_actor_ckpt_to_keep"])
        # one more while it is written
        checkpoints = self.runs * kept + 1
        needed = checkpoints * CHECKPOINT * self.parameters * (2 if has_critic(self.settings) else 1) / GIGA
        of_runs = f"{self.runs} run{'s' if self.runs > 1 else ''}"
        told = f"{checkpoints} checkpoints of {of_runs} take {needed:.0f} GB, {free:.0f} GB are free in {place}"
        if needed > free:
            raise UserError(f"{told}. Write OUT=DIR in front of the recipe, with DIR on a larger disk.")
        return told

    def checks(self) -> dict[str, Callable[[], str]]:
        return {"models": self.models, "memory": self.memory, "disk": self.disk}


def _settings(script: Path, of_machine: dict[str, str]) -> tuple[dict[str, str], int]:
    """The overrides of the command that a script would run, and 1; for a sweep, those of all its commands, and their number."""
    environment = os.environ | {"DRY_RUN": "1", "PROFILE": "gpu"} | of_machine
    done = subprocess.run(["bash", script], env=environment, capture_output=True, text=True)
    if done.returncode:
        raise UserError(f"{script.name}: {done.stderr.strip()}")
    words = shlex.split(done.stdout.replace("\\\n", " "))
    return dict(word.lstrip("+").split("=", 1) for word in words if "=" in word), words.count("verl.trainer.main_ppo")


def train(name: str) -> int:
    """Train two steps with the real engine, and show its output; returns the exit status."""
    return subprocess.run(["bash", RECIPES / f"{Path(name).stem}.sh"], env=os.environ | {"STEPS": "2"}).returncode
