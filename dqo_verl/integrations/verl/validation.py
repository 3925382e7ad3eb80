"""What verl's validation lacks: unbiased pass@k, how many distinct correct answers a prompt gets, and one prompt's answers to read.

    pass@k = 1 - C(n - c, k) / C(n, k), c of the n responses correct (arXiv 2107.03374)

verl's own best@k draws with replacement and is biased low (verl#7240). Two answers are the same if their texts are, up to the
final answer, whatever their case and spacing: a rule that needs no model and is the same for every method. Rewards other than
0 and 1 have no pass@k; then all answers count, correct or not. `+trainer.validate_diversity=false` switches all of it off.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb
from typing import Any

from omegaconf import DictConfig, OmegaConf

from dqo_verl.core.final_answer import up_to_answer

SWITCH = "trainer.validate_diversity"


@dataclass(frozen=True)
class Samples:
    """What verl generated for validation: a row per response."""

    inputs: Sequence[str]
    outputs: Sequence[str]
    scores: Sequence[float]


def is_on(config: DictConfig) -> bool:
    return bool(config.algorithm.get("diversity")) and bool(OmegaConf.select(config, SWITCH, default=True))


def pass_at_k(n: int, correct: int, k: int) -> float:
    """The probability that k of the n responses, drawn without replacement, hold a correct one."""
    return 1 - comb(n - correct, k) / comb(n, k)


def metrics(
    sources: Sequence[str], uids: Sequence[str], reported: Mapping[str, Sequence[Any]], samples: Samples
) -> dict[str, float]:
    """In the form of verl's own, `val-core/SOURCE/VARIABLE/NAME@N`: means over the prompts of each source."""
    variable = "acc" if "acc" in reported else "reward"
    prompts: dict[str, dict[str, list[int]]] = {}
    for row, (source, uid) in enumerate(zip(sources, uids, strict=True)):
        prompts.setdefault(str(source), {}).setdefault(str(uid), []).append(row)
    found: dict[str, float] = {}
    for source, rows_of in prompts.items():
        groups = list(rows_of.values())
        # a prompt that lost a response bounds all
        n = min(map(len, groups))
        judged = all(reported[variable][row] in (0, 1) for rows in groups for row in rows)
        counts: dict[str, list[float]] = {f"pass@{k}": [] for k in _ks(n)} if judged else {}
        distinct = f"{'distinct_correct' if judged else 'distinct'}@{n}"
        counts[distinct] = []
        for rows in groups:
            good = [row for row in rows if not judged or reported[variable][row]]
            for k in _ks(n) if judged else ():
                counts[f"pass@{k}"].append(pass_at_k(len(rows), len(good), k))
            counts[distinct].append(float(len({_told(samples.outputs[row]) for row in good})))
        found |= {f"val-core/{source}/{variable}/{name}": sum(of) / len(of) for name, of in counts.items()}
    return found


def one_prompt(uids: Sequence[str], samples: Samples) -> list[tuple[str, str, float]]:
    """The answers to one prompt, the same in each validation, each with the number of its class."""
    first = min(range(len(uids)), key=lambda row: (samples.inputs[row], row))
    rows = [row for row in range(len(uids)) if uids[row] == uids[first]]
    classes: dict[str, int] = {}
    numbers = [classes.setdefault(_told(samples.outputs[row]), len(classes) + 1) for row in rows]
    return [
        (
            samples.inputs[row],
            f"[answer {number} of {len(classes)} distinct] {samples.outputs[row]}",
            samples.scores[row],
        )
        for row, number in zip(rows, numbers, strict=True)
    ]


def _ks(n: int) -> list[int]:
    """1, 2, 4, ... and n."""
    return sorted({2**i for i in range(n.bit_length()) if 2**i <= n} | {n})


def _told(text: str) -> str:
    return " ".join(up_to_answer(text).split()).casefold()
