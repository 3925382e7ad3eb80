"""Finds a model that vLLM can load, or makes one from a verl checkpoint."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from dqo_verl.errors import UserError

MERGED = "merged_for_sampling"
# in a merged folder: which checkpoint it was made from
ORIGIN = "merged_from.json"


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
    if (target / "config.json").is_file() and _origin(target) != _state(actor):
        if merged:
            raise UserError(
                f"--merged {merged} holds another model than {actor}, or does not say which. Choose another folder, or delete it."
            )
        # the checkpoint was written again since it was merged
        shutil.rmtree(target)
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
        (unfinished / ORIGIN).write_text(json.dumps(_state(actor)) + "\n")
        os.replace(unfinished, target)
    return str(target)


def _state(actor: Path) -> dict[str, Any]:
    """The checkpoint, and when its weights were written."""
    own = [path for path in actor.iterdir() if not path.name.startswith(MERGED)]
    files = [file for path in own for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file()]
    return {"checkpoint": str(actor.resolve()), "written": max(file.stat().st_mtime_ns for file in files)}


def _origin(merged: Path) -> Any:
    """The state from which a folder was merged; None if it does not say."""
    file = merged / ORIGIN
    return json.loads(file.read_text()) if file.is_file() else None
