"""Computes the values of every prompt (quality, classes, embeddings, judge) as one dictionary `metric -> number` each."""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from dqo_verl.errors import UserError
from dqo_verl.evaluation.metrics import novelty
from dqo_verl.evaluation.metrics.of_texts import text_metrics_of_groups
from dqo_verl.evaluation.metrics.options import Options
from dqo_verl.evaluation.rows import Group

NONE = "none"


Values = list[dict[str, float]]
Good = list[list[bool] | None]


@dataclass
class Measured:
    """The results, one entry per group, with notes for the reader."""

    values: Values
    good: Good
    labels: list[list[int]]
    notes: dict[str, Any]
    left_out: dict[str, str]
    embeddings: list[Tensor] | None = None


def measure(groups: list[Group], options: Options, out: Path) -> Measured:
    """Compute everything that `options` ask for. The judge's answers are saved in `out`."""
    novelty.check(options, embeds=options.embedder != NONE)
    good, left_out = goodness(groups, options.good_at)
    values = text_metrics_of_groups([group.responses for group in groups], options.workers)
    found = Measured(values, good, [], {}, left_out)
    add_quality(groups, found)
    if options.embedder == NONE:
        left_out["embedding metrics"] = "--embedder none"
    else:
        found.embeddings = embeddings_of(groups, options.embedder, found)
        add_semantic(found.embeddings, found)
    add_classes(groups, options, found.embeddings, found)
    if options.judge:
        add_judge(groups, options, out, found.values)
    if any(len(group.responses) == 1 for group in groups):
        left_out["diversity"] = "groups of one response have no diversity"
    return found


def goodness(groups: list[Group], good_at: float | None) -> tuple[list[list[bool] | None], dict[str, str]]:
    """Which responses are good: score >= good_at if given, else 0/1 `acc`, else 0/1 scores; otherwise the reason why not."""
    scored = None not in (score for group in groups for score in group.scores)
    acc = [value for group in groups for value in group.acc]
    if not scored and None in acc:
        return [None] * len(groups), {
            "quality": "the rows have no `score` and no `acc`; add --score-with FILE.py:FUNCTION"
        }
    if good_at is not None:
        if not scored:
            raise UserError("--good-at has no effect: the rows have `acc` but no `score`. Leave it out.")
        return [[score >= good_at for score in group.scores if score is not None] for group in groups], {}
    if set(acc) <= {0.0, 1.0}:
        return [[value == 1.0 for value in group.acc] for group in groups], {}
    if scored and {score for group in groups for score in group.scores} <= {0.0, 1.0}:
        return [[score == 1.0 for score in group.scores] for group in groups], {}
    return [None] * len(groups), {
        "pass@k, effective diversity": "scores are not 0/1; set the lowest good score with --good-at SCORE"
    }


def add_quality(groups: list[Group], found: Measured) -> None:
    for group, correct, own in zip(groups, found.good, found.values, strict=True):
        own["words"] = float(np.mean([len(text.split()) for text in group.responses]))
        if None not in group.cut:
            own["cut"] = float(np.mean(np.array(group.cut, dtype=np.float64)))
        if None not in group.scores:
            scores = np.array(group.scores, dtype=np.float64)
            own |= {"reward": float(scores.mean()), "best_of_n": float(scores.max())}
        if correct is not None:
            own |= {"pass@1": float(np.mean(correct)), "pass@n": float(any(correct))}


def embeddings_of(groups: list[Group], embedder: str, found: Measured) -> list[Tensor]:
    """The embeddings of each group, `(n, d)`."""
    import torch

    from dqo_verl.evaluation.metrics.semantic import embed

    embeddings, cut = embed([text for group in groups for text in group.responses], embedder)
    found.notes["embedder"] = {"texts cut": cut, "texts": len(embeddings)}
    return list(torch.split(embeddings, [len(group.responses) for group in groups]))


def add_semantic(embeddings: list[Tensor], found: Measured) -> None:
    import torch

    from dqo_verl.evaluation.metrics.semantic import effective_distance, semantic_diversity

    by_size: defaultdict[int, list[int]] = defaultdict(list)
    for i, own in enumerate(embeddings):
        if len(own) > 1:
            by_size[len(own)].append(i)
    for members in by_size.values():
        # unit norm in double precision: equal responses are at distance 0, not at 1e-7
        stacked = torch.nn.functional.normalize(torch.stack([embeddings[i] for i in members]).double(), dim=-1)
        columns = semantic_diversity(stacked)
        good = [found.good[i] for i in members]
        if None not in good:
            columns["effective_distance"] = effective_distance(stacked, torch.tensor(good))
        for name, numbers in columns.items():
            for i, number in zip(members, numbers.tolist(), strict=True):
                found.values[i][name] = number


def add_classes(groups: list[Group], options: Options, embeddings: list[Tensor] | None, found: Measured) -> None:
    from dqo_verl.core.classes import classes, first_member

    decided = novelty.decide([group.responses for group in groups], options, embeddings)
    if decided.note:
        found.notes["classifier"] = decided.note
    found.labels = [first_member(same.tolist()) for same in decided.same]
    negative = any(score is not None and score < 0 for group in groups for score in group.scores)
    if negative:
        found.left_out["utility"] = "with negative scores, repeated answers would raise it; shift the scores first"
    for group, own, same, labels, good in zip(
        groups, found.values, decided.same, found.labels, found.good, strict=True
    ):
        if None not in group.scores and not negative:
            own["utility"] = novelty.utility(labels, [s for s in group.scores if s is not None], options.patience)
        if len(group.responses) > 1:
            own["classes"] = float(len(set(labels)))
            own["classes_connected"] = float(len(set(classes(same).tolist())))
            if good is not None:
                kept = np.flatnonzero(good)
                own["effective_classes"] = float(len(set(first_member(same[kept][:, kept].tolist()))))


def add_judge(groups: list[Group], options: Options, out: Path, values: Values) -> None:
    from dqo_verl.evaluation.metrics.judge import judge

    asked = [i for i, group in enumerate(groups) if len(group.responses) > 1]
    questions = [(groups[i].prompt, groups[i].responses) for i in asked]
    answers = judge(questions, str(options.judge), options.judge_endpoint, out / "judge.jsonl")
    for i, number in zip(asked, answers, strict=True):
        values[i]["judge"] = number
