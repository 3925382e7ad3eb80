"""`dqo-verl sample`: one jsonl row for every prompt and temperature, resumable; a `.meta.json` says how it was made."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tqdm import tqdm  # type: ignore[import-untyped,unused-ignore]

from dqo_verl.errors import UserError
from dqo_verl.evaluation.files import meta_of
from dqo_verl.evaluation.sample.checkpoint import resolve_model, training_step
from dqo_verl.evaluation.sample.engines import EndpointEngine, VllmEngine
from dqo_verl.evaluation.sample.options import Sampling
from dqo_verl.evaluation.sample.prompts import Prompt
from dqo_verl.jsonl import whole_lines
from dqo_verl.provenance import provenance
from dqo_verl.results import appended


def finished(out: Path) -> dict[tuple[str, float], Any]:
    """(prompt_id, temperature) of the rows that `out` already has, and their prompts."""
    rows = map(json.loads, whole_lines(out))
    return {(row["prompt_id"], row["temperature"]): row["prompt"] for row in rows}


def missing(prompts: list[Prompt], temperatures: Sequence[float], out: Path) -> list[tuple[Prompt, float]]:
    """What `out` does not have yet. A prompt that was changed since is refused."""
    done = finished(out)
    jobs = [(p, t) for t in temperatures for p in prompts]
    for prompt, temperature in jobs:
        written = done.get((prompt.prompt_id, temperature))
        if written is not None and written != json.loads(json.dumps(prompt.messages, default=str)):
            raise UserError(f"{out} has another prompt with the id {prompt.prompt_id}. Choose another --out.")
    return [(p, t) for p, t in jobs if (p.prompt_id, t) not in done]


def check_settings(out: Path, settings: dict[str, Any]) -> None:
    """Refuse to mix rows of two settings in one file; write the settings beside a new one."""
    meta = meta_of(out)
    if out.exists():
        if not meta.exists():
            raise UserError(f"{out} exists without {meta.name}, so its settings are unknown. Choose another --out.")
        before = json.loads(meta.read_text())["settings"]
        if changed := sorted(key for key in before | settings if before.get(key) != settings.get(key)):
            told = ", ".join(f"{key} was {before.get(key)!r} and is {settings.get(key)!r}" for key in changed)
            raise UserError(
                f"{out} was sampled with other settings ({told}). Choose another --out, or delete the file to start over."
            )
    else:
        out.parent.mkdir(parents=True, exist_ok=True)
        meta.write_text(json.dumps({"settings": settings, "provenance": provenance()}, indent=1) + "\n")


def sample(
    prompts: list[Prompt],
    out: Path,
    model: str,
    temperatures: Sequence[float],
    sampling: Sampling,
    endpoint: str | None,
    engine: dict[str, Any],
    merged: Path | None,
) -> int:
    """Sample what is missing in `out`; returns the number of rows written."""
    step = training_step(model)
    model = model if endpoint else resolve_model(model, merged)
    check_settings(out, {"model": model, "endpoint": endpoint, "engine": engine, **asdict(sampling)})
    jobs = missing(prompts, temperatures, out)
    if not jobs:
        return 0
    runner = EndpointEngine(model, endpoint) if endpoint else VllmEngine(model, engine)
    total = len(prompts) * len(temperatures)
    with appended(out) as file, tqdm(total=total, initial=total - len(jobs), unit="prompt") as bar:
        for (prompt, temperature), sampled in runner.run(jobs, sampling):
            row = {
                "prompt_id": prompt.prompt_id,
                "prompt": prompt.messages,
                **asdict(sampled),
                "temperature": temperature,
            }
            row |= {} if step is None else {"step": step}
            file.write(json.dumps(row | prompt.rest, ensure_ascii=False, default=str) + "\n")
            file.flush()
            bar.update()
    return len(jobs)
