"""The claims of both papers that the demo tests, written down before the runs: what must be above what.

A check is a number of one seed, made of the runs that share this seed's policy and prompts; `above` is what it must exceed.
Over seeds its 95% interval decides: all checks above -> supported, one below -> not supported, otherwise unclear.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

# The record of each row of the demo, of one seed.
Runs = dict[str, dict[str, Any]]
# A smaller loss of pass@1 counts as none.
LOSS = 0.05


class Check(NamedTuple):
    says: str
    value: Callable[[Runs], float]
    above: float = 0.0


class Claim(NamedTuple):
    letter: str
    says: str
    checks: tuple[Check, ...]


def last(run: dict[str, Any], metric: str) -> float:
    curve = run["curves"][metric]
    return float(curve[max(curve, key=int)])


def first(run: dict[str, Any], metric: str) -> float:
    curve = run["curves"][metric]
    return float(curve[min(curve, key=int)])


def gap(metric: str, row: str, baseline: str) -> Callable[[Runs], float]:
    """How much more of it `row` has at the end."""
    return lambda runs: last(runs[row], metric) - last(runs[baseline], metric)


def more(row: str, baseline: str, metric: str = "effective_classes", above: float = 0.0) -> Check:
    label = {"effective_classes": "distinct correct answers in 10", "pass@n": "pass@10"}.get(metric, metric)
    return Check(f"{label}: {row} - {baseline}", gap(metric, row, baseline), above)


def no_worse(row: str, baseline: str) -> Check:
    return more(row, baseline, "pass@1", above=-LOSS)


def _alpha_effect(high: str, low: str) -> Callable[[Runs], float]:
    return gap("effective_classes", high, low)


def _collapses(row: str) -> tuple[Check, Check]:
    return (
        Check(
            f"{row}: share of distinct correct answers that is lost",
            lambda runs: 1 - last(runs[row], "effective_classes") / first(runs[row], "effective_classes"),
            above=0.5,
        ),
        Check(f"{row}: gain in pass@1", lambda runs: last(runs[row], "pass@1") - first(runs[row], "pass@1")),
    )


CLAIMS = (
    Claim("a", "GRPO collapses: half of the distinct correct answers are lost while pass@1 rises", _collapses("grpo")),
    Claim("a2", "so does GRPO without std division", _collapses("grpo_no_std")),
    Claim(
        "b",
        f"DQO keeps diversity at equal pass@1 (loss below {LOSS}), against GRPO with and without std",
        (more("dqo", "grpo_no_std"), no_worse("dqo", "grpo_no_std"), more("dqo", "grpo"), no_worse("dqo", "grpo")),
    ),
    Claim(
        "c",
        "DARLING likewise",
        (
            more("darling", "grpo_no_std"),
            no_worse("darling", "grpo_no_std"),
            more("darling", "grpo"),
            no_worse("darling", "grpo"),
        ),
    ),
    Claim(
        "d",
        "a larger alpha gives more diversity, and in the end less quality",
        (
            more("dqo_alpha0.25", "grpo_no_std"),
            more("dqo", "dqo_alpha0.25"),
            more("dqo_alpha4", "dqo", "classes"),
            Check("pass@1: dqo - dqo_alpha4", gap("pass@1", "dqo", "dqo_alpha4")),
        ),
    ),
    Claim("e", "more samples k, more diversity", (more("dqo", "dqo_k4"), more("dqo_k16", "dqo"))),
    Claim(
        "f",
        "std division hides alpha (0.25 against 4); decoupled scaling brings it back",
        (
            Check(
                "effect of alpha without std division - with",
                lambda runs: (
                    _alpha_effect("dqo_alpha4", "dqo_alpha0.25")(runs)
                    - _alpha_effect("std_alpha4", "std_alpha0.25")(runs)
                ),
            ),
            Check(
                "effect of alpha decoupled - with std division",
                lambda runs: (
                    _alpha_effect("decoupled_alpha4", "decoupled_alpha0.25")(runs)
                    - _alpha_effect("std_alpha4", "std_alpha0.25")(runs)
                ),
            ),
        ),
    ),
    Claim("g", "the determinant keeps more than the mean pairwise distance", (more("dqo", "pairwise"),)),
    Claim(
        "h",
        "DQO's advantage in pass@k grows with k",
        (
            Check(
                "(pass@10 - pass@1): dqo - grpo_no_std",
                lambda runs: gap("pass@n", "dqo", "grpo_no_std")(runs) - gap("pass@1", "dqo", "grpo_no_std")(runs),
            ),
        ),
    ),
    Claim(
        "i",
        "bonus for right answers only: better pass@1, and no fewer distinct correct answers",
        (more("gate", "dqo", "pass@1"), more("gate", "dqo", above=-0.5)),
    ),
    Claim(
        "j",
        f"`diverse` keeps diversity at equal pass@1 (loss below {LOSS})",
        (more("diverse", "grpo"), no_worse("diverse", "grpo")),
    ),
    Claim(
        "k",
        "a target of 0.5 keeps more than GRPO, and less than `diverse` where that keeps more than half",
        (more("target", "grpo"), no_worse("target", "grpo"), more("diverse", "target")),
    ),
)
