"""The folder of a training run: whose it is, how far it came."""

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
    """A folder belongs to one run: the same settings and pairs go on there, others are refused."""
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
        raise UserError(f"{out} holds a run with other settings ({changed}). Choose another --out, or remove it.")


def last_state(state: Path) -> tuple[int, Path | None]:
    """Updates that are done, and the state after them."""
    found = {int(path.name.split("-")[1]): path for path in state.glob("step-*")}
    return (max(found), found[max(found)]) if found else (0, None)


def log_until(log: Path, step: int) -> None:
    """Forget what a killed run logged after its last saved state."""
    if log.exists():
        kept = [line for line in whole_lines(log) if json.loads(line)["step"] <= step]
        log.write_text("".join(line + "\n" for line in kept))
