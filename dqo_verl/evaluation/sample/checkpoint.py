"""Finds a model that vLLM can load, or makes one from a verl checkpoint."""

import os
import re
import subprocess
import sys
from pathlib import Path

from dqo_verl.errors import UserError

MERGED = "merged_for_sampling"


def actor_folder(path: Path) -> Path | None:
    """The `actor` folder of a verl checkpoint: itself, in `global_step_N`, or in the latest step of a run's folder."""
    latest = path / "latest_checkpointed_iteration.txt"
    if latest.is_file():
        path = path / f"global_step_{latest.read_text().strip()}"
    for folder in (path, path / "actor"):
        if (folder / "fsdp_config.json").is_file() or (folder / "model" / "huggingface").is_dir():
            return folder
    return None


def training_step(model: str) -> int | None:
    """N of the `global_step_N` that the model comes from."""
    path = Path(model)
    found = re.search(r"global_step_(\d+)", str(actor_folder(path) or path))
    return int(found[1]) if found else None


def resolve_model(model: str, merged: Path | None = None) -> str:
    """A Hugging Face name or folder unchanged; a verl checkpoint merged once by `verl.model_merger` (bfloat16)."""
    path = Path(model)
    actor = actor_folder(path) if path.is_dir() else None
    if actor is None:
        if path.is_dir() and not (path / "config.json").is_file():
            raise UserError(
                f"{model}: neither a Hugging Face model (config.json) nor a verl checkpoint (fsdp_config.json)"
            )
        return model
    target = merged or actor / MERGED
    if not (target / "config.json").is_file():
        unfinished = target.with_name(target.name + ".unfinished")
        backend = "fsdp" if (actor / "fsdp_config.json").is_file() else "megatron"
        command = [sys.executable, "-m", "verl.model_merger", "merge", "--backend", backend]
        command += ["--local_dir", str(actor), "--target_dir", str(unfinished)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise UserError(
                f"verl's merger failed on {actor}:\n{' '.join(command)}\n{(done.stdout + done.stderr)[-1500:]}"
            )
        if (unfinished / "lora_adapter").is_dir():
            raise UserError(
                f"{actor} is a LoRA checkpoint: {unfinished} holds the base model, and its folder lora_adapter the adapter. "
                "Merge the two with peft (PeftModel.from_pretrained(...).merge_and_unload()) and sample from the result."
            )
        os.replace(unfinished, target)
    return str(target)
