"""Adds to verl's validation: unbiased pass@k, distinct correct answers per prompt, and a table with one prompt's answers.

    pass@k = 1 - C(n - c, k) / C(n, k), c of the n responses correct (arXiv 2107.03374)

verl's own best@k draws with replacement and is biased low (verl#7240). Two answers are equal if their texts up to the
final answer are, ignoring case and spacing: this rule needs no model and is the same for every method. Rewards other than 0 and
1 have no pass@k; then all answers count, correct or not. `+trainer.validate_diversity=false` switches all of this off.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb
from numbers import Real
from typing import Any

import numpy as np
from omegaconf import DictConfig, OmegaConf

from dqo_verl.core.final_answer import up_to_answer

SWITCH = "trainer.validate_diversity"


@dataclass(frozen=True)
class Samples:
    """What verl generated for validation: one row per response."""

    inputs: Sequence[str]
    outputs: Sequence[str]
    scores: Sequence[float]


def is_on(config: DictConfig) -> bool:
    return bool(config.algorithm.get("diversity")) and bool(OmegaConf.select(config, SWITCH, default=True))


def shows_table(config: DictConfig) -> bool:
    """Whether to log our table: not if the user logs verl's, nor in the fully asynchronous trainer's validation (no logger)."""
    return not config.trainer.log_val_generations and config.get("async_training") is None


def pass_at_k(n: int, correct: int, k: int) -> float:
    """The probability that k of the n responses, drawn without replacement, include a correct one."""
    return 1 - comb(n - correct, k) / comb(n, k)


def metrics(
    sources: Sequence[str],
    uids: Sequence[str],
    reported: Mapping[str, Sequence[Any]],
    samples: Samples,
    expected: Mapping[tuple[str, str], int] | None = None,
) -> dict[str, float]:
    """Means over the prompts of each source, named like verl's own metrics: `val-core/SOURCE/VARIABLE/NAME@N`.

    `expected`: how many responses each (source, uid) should have. Failed responses count as wrong, as in verl's own accuracy.
    """
    prompts: dict[str, dict[str, list[int]]] = {}
    for source, uid in expected or {}:
        prompts.setdefault(source, {}).setdefault(uid, [])
    for row, (source, uid) in enumerate(zip(sources, uids, strict=True)):
        prompts.setdefault(str(source), {}).setdefault(str(uid), []).append(row)
    found: dict[str, float] = {}
    for source, rows_of in prompts.items():
        sizes = {uid: max(len(rows), (expected or {}).get((source, uid), 0)) for uid, rows in rows_of.items()}
        n = min(sizes.values())
        variable, verdicts = _judged(reported, [row for rows in rows_of.values() for row in rows])
        distinct = f"distinct@{n}" if verdicts is None else f"distinct_correct@{n}"
        counts: dict[str, list[float]] = {distinct: []}
        for uid, rows in rows_of.items():
            if verdicts is not None:
                correct = sum(verdicts[row] for row in rows)
                for k in _ks(n):
                    counts.setdefault(f"pass@{k}", []).append(pass_at_k(sizes[uid], correct, k))
            # among the same number of responses for every prompt
            told = {_told(samples.outputs[row]) for row in rows[:n] if verdicts is None or verdicts[row]}
            counts[distinct].append(float(len(told)))
        found |= {f"val-core/{source}/{variable}/{name}": sum(of) / len(of) for name, of in counts.items()}
    return found


def _judged(reported: Mapping[str, Sequence[Any]], rows: Sequence[int]) -> tuple[str, dict[int, bool] | None]:
    """The variable that says which rows are correct, chosen as verl does, and its verdicts, or None if they are not all 0 or 1.

    A response without a value counts as wrong.
    """
    variable = "acc" if any(value is not None for value in _values("acc", reported, rows)) else "reward"
    values = _values(variable, reported, rows)
    if not all(value is None or (isinstance(value, Real) and value in (0, 1)) for value in values):
        return variable, None
    return variable, {row: bool(value) for row, value in zip(rows, values, strict=True)}


def _values(variable: str, reported: Mapping[str, Sequence[Any]], rows: Sequence[int]) -> list[Any]:
    column = reported.get(variable)
    if column is None:
        return [None] * len(rows)
    return [value.item() if isinstance(value := column[row], np.generic) else value for row in rows]


def one_prompt(uids: Sequence[str], samples: Samples, n: int) -> list[tuple[str, str, float]]:
    """The n answers to one prompt, each with the id of its class. Every validation shows the same prompt.

    Always n rows, because wandb's table keeps the width of its first entry.
    """
    first = min(range(len(uids)), key=lambda row: (samples.inputs[row], row))
    rows = [row for row in range(len(uids)) if uids[row] == uids[first]][:n]
    classes: dict[str, int] = {}
    numbers = [classes.setdefault(_told(samples.outputs[row]), len(classes) + 1) for row in rows]
    shown = [
        (
            samples.inputs[row],
            f"[answer {number} of {len(classes)} distinct] {samples.outputs[row]}",
            samples.scores[row],
        )
        for row, number in zip(rows, numbers, strict=True)
    ]
    return shown + [(samples.inputs[first], "[this response failed]", 0.0)] * (n - len(shown))


def _ks(n: int) -> list[int]:
    """1, 2, 4, ... and n."""
    return sorted({2**i for i in range(n.bit_length()) if 2**i <= n} | {n})


def _told(text: str) -> str:
    return " ".join(up_to_answer(text).split()).casefold()
