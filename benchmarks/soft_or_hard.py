"""DARLING's factor from classes (hard) or from the mean probability that others differ (soft): which follows the truth better?

    python benchmarks/soft_or_hard.py PAIRS.jsonl [MORE.jsonl ...]        three minutes

Humans labelled pairs, not groups, so groups are simulated as in `dqo_verl/classifier/partitions.py`: 8 responses, each with one
of 3 equally likely ideas. The score of two responses is that of a random labelled pair of the same kind. A base estimator that
compares within a group sees only differences, so the table gives the correlation of the factor with the true factor within a
group (0 if the factor is constant).

hard     classes by first member, at the threshold with the highest accuracy on the other folds
soft     1 - mean p(same), where p is a logistic function of the score, fitted on the other folds
plain    1 - mean score, nothing fitted; with the cosine this is the measure `pairwise`
"""

import sys
from collections.abc import Sequence

import numpy as np
from common import report
from counted_words import FOLDS, SEED, overlaps
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tqdm import tqdm

from dqo_verl.classifier.baselines import cosine, jaccard
from dqo_verl.classifier.data import LabelledPair, read_all
from dqo_verl.classifier.metrics import best_threshold
from dqo_verl.core.classes import first_member

SIZE, IDEAS, GROUPS, RESAMPLES = 8, 3, 200, 100
UPPER = np.triu(np.ones((SIZE, SIZE), bool), 1)


def of_other_folds(columns: np.ndarray, labels: np.ndarray, prompts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """p(same) and the decision for each pair, both learned from the pairs of other prompts."""
    probability, same = np.empty(len(labels)), np.empty(len(labels), bool)
    for train, test in GroupKFold(FOLDS).split(columns, labels, prompts):
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.03, max_iter=3000))
        model.fit(columns[train], labels[train])
        seen, probability[test] = (model.predict_proba(columns[rows])[:, 1] for rows in (train, test))
        same[test] = probability[test] > best_threshold(seen, labels[train], "accuracy")
    return probability, same


def correlation(found: np.ndarray, true: np.ndarray) -> float:
    return float(np.corrcoef(found, true)[0, 1]) if found.std() > 0 else 0.0


def within_groups(same: np.ndarray, soft: np.ndarray, plain: np.ndarray, labels: np.ndarray, chance):
    """The mean correlations of the three factors with the true one."""
    kinds = [np.flatnonzero(labels == kind) for kind in (0, 1)]
    found = []
    while len(found) < GROUPS:
        ideas = chance.integers(IDEAS, size=SIZE)
        together = ideas[:, None] == ideas[None, :]
        truth = SIZE - together.sum(1)
        if truth.std() == 0:
            continue
        drawn = np.where(together, chance.choice(kinds[1], (SIZE, SIZE)), chance.choice(kinds[0], (SIZE, SIZE)))
        said = same[drawn] & UPPER
        label = np.array(first_member((said | said.T).tolist()))
        classes = (label[:, None] == label[None, :]).sum(1)
        means = [((score[drawn] * UPPER) + (score[drawn] * UPPER).T).sum(1) for score in (soft, plain)]
        found.append([correlation(-factor, truth) for factor in (classes, *means)])
    return np.mean(found, axis=0)


def main(places: list[str]) -> None:
    pairs: list[LabelledPair] = list(read_all(places)[0])
    labels, prompts = np.array([pair.similar for pair in pairs]), [pair.prompt for pair in pairs]
    words = np.array([list(overlaps(pair).values()) for pair in pairs])
    by_cosine = cosine(pairs)
    scores = {
        "cosine of MiniLM": by_cosine[:, None],
        "2-gram Jaccard": jaccard(pairs)[:, None],
        "counted words and the cosine": np.column_stack([words, by_cosine]),
    }
    rows = []
    for name, columns in scores.items():
        probability, same = of_other_folds(columns, labels, prompts)
        chance = np.random.default_rng(SEED)
        resampled = []
        for _ in tqdm(range(RESAMPLES), desc=name, unit="resample"):
            drawn = chance.integers(len(labels), size=len(labels))
            resampled.append(within_groups(same[drawn], probability[drawn], columns[drawn, 0], labels[drawn], chance))
        spread = zip(np.mean(resampled, axis=0), *np.quantile(resampled, [0.025, 0.975], axis=0), strict=True)
        hard, soft, plain = (f"{mean:.2f} [{low:.2f}, {high:.2f}]" for mean, low, high in spread)
        rows.append(
            {
                "score": name,
                "AUROC": float(roc_auc_score(labels, probability)),
                "accuracy": float((same == labels).mean()),
                "hard": hard,
                "soft": soft,
                "plain": plain if columns.shape[1] == 1 else "",
            }
        )
    report(rows, pairs=len(pairs), the_same=int(labels.sum()))


if __name__ == "__main__":
    main(sys.argv[1:])
