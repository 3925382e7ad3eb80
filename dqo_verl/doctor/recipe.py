"""Does this machine have what a recipe needs: its models, memory for its training, disk for its checkpoints."""

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from dqo_verl.doctor.installation import asked_of_gpus
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
# their models are gated
GATED = ("meta-llama/", "google/gemma")
# bytes per parameter: weights, gradients and both moments of AdamW in fp32, sharded over all GPUs
TRAINED = 16
# weights and moments in fp32, without the gradients
CHECKPOINT = 12
# trainer.max_actor_ckpt_to_keep, and the one that is being written
CHECKPOINTS = 4
GIGA = 1e9


class Recipe:
    """A recipe by its name or file, read from the command that it would run on GPUs."""

    def __init__(self, name: str):
        script = RECIPES / f"{Path(name).stem}.sh"
        if not script.is_file():
            known = (
                ", ".join(path.stem for path in sorted(RECIPES.glob("[!_]*.sh"))) or "none: they are in the checkout"
            )
            raise UserError(f"there is no recipe {Path(name).stem}. Recipes: {known}.")
        environment = os.environ | {"DRY_RUN": "1", "PROFILE": "gpu"}
        done = subprocess.run(["bash", script], env=environment, capture_output=True, text=True)
        if done.returncode:
            raise UserError(f"{script.name}: {done.stderr.strip()}")
        # a sweep is several commands; the models are those of all
        words = shlex.split(done.stdout.replace("\\\n", " "))
        self.settings = dict(word.lstrip("+").split("=", 1) for word in words if "=" in word)
        if MODELS[0] not in self.settings:
            raise UserError(
                f"{script.name} trains no policy by verl: dqo-verl doctor without it says what there is to say."
            )

    @property
    def gpus(self) -> int:
        return int(self.settings["trainer.n_gpus_per_node"]) * int(self.settings["trainer.nnodes"])

    @property
    def parameters(self) -> float | None:
        """Of the policy, as its name says: Qwen2.5-1.5B has 1.5e9. None if it does not say."""
        found = re.search(r"(\d+(?:\.\d+)?)B\b", self.settings[MODELS[0]])
        return float(found[1]) * 1e9 if found else None

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
                    f"{name} is gated, and there is no token: accept its terms at https://huggingface.co/{name}, then hf auth "
                    "login, or set HF_TOKEN."
                ) from error
        return ", ".join(names)

    def memory(self) -> str:
        if self.parameters is None:
            return f"{self.settings[MODELS[0]]} does not say how many parameters it has"
        needed = TRAINED * self.parameters / self.gpus / GIGA
        have = [float(mebibytes) * 2**20 / GIGA for mebibytes in asked_of_gpus("memory.total")]
        told = f"weights, gradients and AdamW of {self.parameters / 1e9:g}B parameters: {needed:.1f} GB on each of {self.gpus} GPUs"
        if have and needed > min(have):
            raise UserError(f"{told}, which have {min(have):.0f} GB. Use more GPUs (NGPUS, NNODES) or a smaller MODEL.")
        return told + (f" of {min(have):.0f} GB" if have else " (there is none here)")

    def disk(self) -> str:
        place = Path(self.settings["trainer.default_local_dir"])
        place = next(folder for folder in (place, *place.parents) if folder.exists())
        free = shutil.disk_usage(place).free / GIGA
        if self.parameters is None:
            return f"{free:.0f} GB are free in {place}"
        needed = CHECKPOINTS * CHECKPOINT * self.parameters / GIGA
        told = f"{CHECKPOINTS} checkpoints take {needed:.0f} GB, {free:.0f} GB are free in {place}"
        if needed > free:
            raise UserError(f"{told}. Write OUT=DIR in front of the recipe, with DIR on a larger disk.")
        return told

    def checks(self) -> dict[str, Callable[[], str]]:
        return {"models": self.models, "memory": self.memory, "disk": self.disk}


def train(name: str) -> int:
    """Two steps of the real engine, with their output; the exit status."""
    return subprocess.run(["bash", RECIPES / f"{Path(name).stem}.sh"], env=os.environ | {"STEPS": "2"}).returncode
