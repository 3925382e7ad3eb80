"""How well scores and a threshold agree with labels: 1 = similar is the positive class.

Threshold metrics: accuracy, balanced accuracy (mean recall of the two classes), precision, recall, F1.
Without a threshold: AUROC, the chance that a similar pair scores above a different one (ties count half).
Calibration of probabilities: Brier score, and expected calibration error over ten equal bins,
`ECE = sum_b n_b / n |mean(p) - mean(y)|` (Guo et al. 2017, arXiv 1706.04599).
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
BINS = 10


def ratio(part: float, whole: float) -> float:
    """`part / whole`, or NaN if `whole` is 0."""
    return float(part / whole) if whole else float("nan")


def of_decisions(same: NDArray[np.bool_], labels: NDArray[np.int_]) -> dict[str, float]:
    hits, positives, said = int((same & (labels == 1)).sum()), int((labels == 1).sum()), int(same.sum())
    precision, recall = ratio(hits, said), ratio(hits, positives)
    specificity = ratio(int((~same & (labels == 0)).sum()), len(labels) - positives)
    return {
        "accuracy": float((same == (labels == 1)).mean()),
        "balanced_accuracy": (recall + specificity) / 2,
        "precision": precision,
        "recall": recall,
        "f1": ratio(2 * hits, said + positives),
    }


def auroc(scores: Array, labels: NDArray[np.int_]) -> float:
    """Mann-Whitney: `(sum of ranks of the positives - p (p + 1) / 2) / (p q)`."""
    positives = int((labels == 1).sum())
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    above = float(ranks[labels == 1].sum()) - positives * (positives + 1) / 2
    return ratio(above, positives * (len(labels) - positives))


def brier(scores: Array, labels: NDArray[np.int_]) -> float:
    return float(((scores - labels) ** 2).mean())


def calibration_error(scores: Array, labels: NDArray[np.int_]) -> float:
    bins = np.minimum((scores * BINS).astype(int), BINS - 1)
    counts = np.bincount(bins, minlength=BINS)
    gaps = np.abs(np.bincount(bins, scores, BINS) - np.bincount(bins, labels, BINS))
    return float(gaps[counts > 0].sum() / len(labels))


def all_metrics(
    scores: Array, same: NDArray[np.bool_], labels: NDArray[np.int_], probabilities: bool
) -> dict[str, float]:
    found = of_decisions(same, labels) | {"auroc": auroc(scores, labels)}
    return found | ({"brier": brier(scores, labels), "ece": calibration_error(scores, labels)} if probabilities else {})


def best_threshold(scores: Array, labels: NDArray[np.int_], metric: str) -> float:
    """The threshold, between two neighbouring scores, with the highest `metric`; of equally good ones, the middle one."""
    values = np.unique(scores)
    edges = np.concatenate([[values[0] - 1e-6], (values[1:] + values[:-1]) / 2, [values[-1]]])
    # decisions are `score > edge`, for all edges at once
    similar = labels == 1
    said = np.searchsorted(np.sort(scores[similar]), edges, side="right")
    false = np.searchsorted(np.sort(scores[~similar]), edges, side="right")
    p, q = int(similar.sum()), int((~similar).sum())
    recall, specificity = (p - said) / max(p, 1), false / max(q, 1)
    quality = (recall + specificity) / 2 if metric == "balanced_accuracy" else (p - said + false) / (p + q)
    best = edges[quality >= quality.max() - 1e-12]
    return float(best[len(best) // 2])
