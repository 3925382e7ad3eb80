"""Prompts from verl's parquet (`prompt`, `reward_model.ground_truth`, `data_source`, `extra_info`) or from jsonl."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dqo_verl.errors import UserError, opening
from dqo_verl.evaluation.files import lines_of, parsed
from dqo_verl.evaluation.rows import prompt_key, prompt_text

Messages = list[dict[str, Any]]


@dataclass(frozen=True)
class Prompt:
    """A prompt, with the other fields that are copied to its row of responses."""

    prompt_id: str
    messages: Messages
    rest: dict[str, Any]


def _rows(path: Path) -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    with opening(path):
        for number, line in enumerate(lines_of(path), start=1):
            if line:
                try:
                    rows.append((f"{path}:{number}", parsed(line) if isinstance(line, bytes) else line))
                except UnicodeDecodeError as error:
                    raise UserError(f"{path}:{number}: not a text in UTF-8: {error}") from error
                except ValueError as error:
                    raise UserError(f"{path}:{number}: not valid JSON: {error}") from error
    return rows


def read_prompts(path: Path, limit: int | None = None) -> list[Prompt]:
    """All prompts of the file. A prompt without an id gets one made from its text; a repeated id ends in `#2`."""
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    prompts = []
    seen = Counter[str]()
    for where, row in _rows(path)[:limit]:
        if not isinstance(row, dict) or "prompt" not in row:
            raise UserError(f"{where}: no field `prompt`")
        try:
            text = prompt_text(row["prompt"])
        except ValueError as error:
            raise UserError(f"{where}: `prompt` {error}") from error
        name = str(row.get("prompt_id", prompt_key(text)))
        seen[name] += 1
        messages = [{"role": "user", "content": text}] if isinstance(row["prompt"], str) else row["prompt"]
        rest = {key: row[key] for key in ("data_source", "extra_info") if row.get(key) is not None}
        truth = row.get("ground_truth", (row.get("reward_model") or {}).get("ground_truth"))
        rest |= {} if truth is None else {"ground_truth": truth}
        prompts.append(Prompt(name if seen[name] == 1 else f"{name}#{seen[name]}", messages, rest))
    if not prompts:
        raise UserError(f"{path}: no prompts in it")
    return prompts
