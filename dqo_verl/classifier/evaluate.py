"""Evaluates scores of labelled pairs next to baselines. No threshold is chosen on the pairs that it is evaluated on."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from dqo_verl.classifier.baselines import BASELINES
from dqo_verl.classifier.data import LabelledPair
from dqo_verl.classifier.folds import thresholds_of_others
from dqo_verl.classifier.metrics import all_metrics, best_threshold
from dqo_verl.classifier.partitions import partitions
from dqo_verl.classifier.score import Scored, Scores
from dqo_verl.evaluation.metrics.bootstrap import interval_of
from dqo_verl.evaluation.report.tables import markdown, number, with_interval

COLUMNS = ("accuracy", "balanced_accuracy", "auroc", "precision", "recall", "f1", "brier", "ece")
COMPARED = ("accuracy", "balanced_accuracy", "auroc")
# The number of responses in a simulated group is DARLING's n.
GROUP = 8


def labels_of(pairs: Sequence[LabelledPair]) -> np.ndarray:
    return np.array([pair.similar for pair in pairs])


def judged(scores: Scores, thresholds: Scores, labels: np.ndarray, probabilities: bool) -> dict[str, Any]:
    same = scores > thresholds
    metrics = interval_of(lambda rows: all_metrics(scores[rows], same[rows], labels[rows], probabilities), len(labels))
    spread = [float(thresholds.min()), float(thresholds.max())]
    return {"metrics": metrics, "thresholds": spread, "partitions": partitions(same, labels, GROUP)}


def evaluate_checkpoint(
    scored: Scored, pairs: Sequence[LabelledPair], train: Sequence[LabelledPair], metric: str, name: str
) -> dict[str, Any]:
    """Evaluate a checkpoint at its stored threshold, and baselines at the threshold that is best on the training pairs."""
    labels = labels_of(pairs)
    fixed = np.full(len(pairs), scored.threshold)
    rows = {
        f"{name}, both orders": judged(scored.both, fixed, labels, True),
        f"{name}, one order": judged(scored.forward, fixed, labels, True),
    }
    for baseline, score in BASELINES.items() if train else ():
        threshold = best_threshold(score(train), labels_of(train), metric)
        rows[baseline] = judged(score(pairs), np.full(len(pairs), threshold), labels, False)
    turned = (scored.forward > scored.threshold) != (scored.backward > scored.threshold)
    return {
        "pairs": len(pairs),
        "similar": int(labels.sum()),
        "cut": scored.cut,
        "order_matters": float(turned.mean()),
        "rows": rows,
    }


def evaluate_folds(
    scores: Scores, fold: Sequence[int], pairs: Sequence[LabelledPair], metric: str, name: str
) -> dict[str, Any]:
    """Evaluate out-of-fold scores and baselines; the threshold for a fold is the best one on the other folds."""
    labels = labels_of(pairs)
    rows = {
        name: judged(scores, thresholds_of_others(scores, labels, fold, metric), labels, True),
        f"{name} at 0.5": judged(scores, np.full(len(pairs), 0.5), labels, True),
    }
    for baseline, score in BASELINES.items():
        found = score(pairs)
        rows[baseline] = judged(found, thresholds_of_others(found, labels, fold, metric), labels, False)
    return {"pairs": len(pairs), "similar": int(labels.sum()), "folds": len(set(fold)), "rows": rows}


def table(result: dict[str, Any]) -> str:
    """The text that the command prints: metrics, then the effect of each row's decisions on simulated groups."""
    header = ["95 % interval", "threshold", *COLUMNS]
    lines = []
    for name, row in result["rows"].items():
        low, high = row["thresholds"]
        threshold = number(low) if high - low < 5e-4 else f"{number(low)} to {number(high)}"
        lines.append([name, threshold, *(cell(row["metrics"].get(column), column) for column in COLUMNS)])
    said = [f"{result['pairs']} pairs, {result['similar']} of them similar", markdown(header, lines)]
    if "cut" in result:
        said.append(f"{result['cut']} of {2 * result['pairs']} responses were cut.")
        said.append(f"The order of the pair changes the decision on {result['order_matters']:.0%} of the pairs.")
    return "\n".join([*said, "", partition_table(result)])


def cell(triple: Sequence[float] | None, column: str) -> str:
    """A cell of the table. Only the metrics in COMPARED show their interval; the JSON file has all intervals."""
    known = [None if value != value else value for value in triple or []]
    if not known or column not in COMPARED:
        return number(known[0] if known else None)
    return with_interval(known)


def partition_table(result: dict[str, Any]) -> str:
    header = ["simulated groups", "rule", "exact", "classes (true)", "merged pairs", "split pairs", "reward error"]
    lines = []
    for name, row in result["rows"].items():
        for case in row["partitions"]:
            ideas = "all different" if case["ideas"] is None else f"{case['ideas']} ideas"
            for rule, found in case["rules"].items():
                classes = f"{found['classes']:.2f} ({case['true_classes']:.2f})"
                exact, *rest = (number(found[key]) for key in ("exact", "merged_pairs", "split_pairs", "reward_error"))
                lines.append([f"{name}; {case['size']}, {ideas}", rule, exact, classes, *rest])
    return markdown(header, lines)
