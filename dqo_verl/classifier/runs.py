"""The folder of a training run: its settings, saved states and log."""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path

from dqo_verl.classifier.data import LabelledPair
from dqo_verl.classifier.settings import TrainSettings
from dqo_verl.errors import UserError
from dqo_verl.jsonl import whole_lines


def digest(pairs: Sequence[LabelledPair]) -> str:
    return hashlib.sha256(json.dumps([astuple(pair) for pair in pairs]).encode()).hexdigest()


def claim(out: Path, settings: TrainSettings, pairs: Sequence[LabelledPair]) -> None:
    """Reserve a folder for one run: the same settings and pairs resume it, others are refused."""
    mine = settings.as_dict() | {"pairs": digest(pairs)}
    file = out / "training.json"
    if not file.exists():
        out.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(f".{os.getpid()}")
        partial.write_text(json.dumps(mine, indent=1) + "\n")
        partial.replace(file)
        return
    theirs = json.loads(file.read_text())
    if other := [key for key in mine if theirs.get(key) != mine[key]]:
        changed = ", ".join(f"{key} {theirs.get(key)} -> {mine[key]}" if key != "pairs" else "pairs" for key in other)
        raise UserError(
            f"{out} holds a run with other settings ({changed}). Choose another --out, or delete the folder."
        )


def last_state(state: Path) -> tuple[int, Path | None]:
    """The number of updates before the last saved state, and the state's folder; 0 and None without one."""
    found = {int(path.name.split("-")[1]): path for path in state.glob("step-*")}
    return (max(found), found[max(found)]) if found else (0, None)


def log_until(log: Path, step: int) -> None:
    """Remove the log lines that a killed run wrote after its last saved state."""
    if log.exists():
        kept = [line for line in whole_lines(log) if json.loads(line)["step"] <= step]
        log.write_text("".join(line + "\n" for line in kept))
