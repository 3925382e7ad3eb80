"""How well does a small learner on similarities of embeddings and words predict human judgements of "the same"?

    python benchmarks/light_classifier.py TRAIN.jsonl VAL.jsonl [EMBEDDER ...]        four minutes; an hour with mpnet

EMBEDDER: folder or hub name; without one, the packaged MiniLM. Each gives six cosines: of the whole responses, of their first
sentences and of their ends, as they are and without the direction of the prompt's embedding. Words give those of
counted_words.py, and overlaps of numbers and of form (lists, headings, code).

Learners and thresholds see training pairs only: those of the other folds in the 5-fold cross-validation by prompt of all pairs, those
of TRAIN for VAL. A threshold has the highest accuracy on out-of-fold probabilities, as they are (*accuracy*) or with both labels
weighted to be equally frequent (*balanced*), as they are in VAL.
"""

import re
import sys
from collections.abc import Sequence

import numpy as np
from common import report
from counted_words import FOLDS, SEED, jaccard, overlaps
from sklearn.base import clone
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from dqo_verl.classifier.data import LabelledPair, read_all
from dqo_verl.classifier.metrics import best_threshold
from dqo_verl.core.defaults import MINILM
from dqo_verl.models.embedder import Embedder

# The length of an end, and the most of a first sentence, in words.
EDGE = 60
FORM = re.compile(r"^\s*(#+|[-*•]|\d+[.)]|```|\|)|\*\*", re.MULTILINE)
LEARNERS = {
    "logistic": make_pipeline(StandardScaler(), LogisticRegression(C=0.03, max_iter=3000)),
    "boosted trees": GradientBoostingClassifier(
        n_estimators=120, max_depth=2, learning_rate=0.05, subsample=0.7, random_state=SEED
    ),
    "forest": RandomForestClassifier(500, min_samples_leaf=8, max_features=0.3, random_state=SEED, n_jobs=-1),
}


def first_sentence(text: str) -> str:
    found = re.split(r"(?<=[.!?:])\s|\n", text.strip(), maxsplit=1)[0]
    return " ".join(found.split()[:EDGE])


def end(text: str) -> str:
    return " ".join(text.split()[-EDGE:])


PARTS = {"whole": str.strip, "first sentence": first_sentence, "end": end}


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


def cosines(pairs: Sequence[LabelledPair], embedder: str) -> np.ndarray:
    """(pairs, 6): of each part, then of each part without the prompt's direction."""
    texts = [pair.prompt for pair in pairs]
    for part in PARTS.values():
        texts += [part(text) for pair in pairs for text in (pair.a, pair.b)]
    vectors, _ = Embedder(embedder)(texts, progress=True)
    prompts, rest = vectors[: len(pairs)], vectors[len(pairs) :].reshape(len(PARTS), len(pairs), 2, -1)
    found = []
    for a, b in rest.swapaxes(1, 2):
        found.append((a * b).sum(1))
        a, b = (unit(side - (side * prompts).sum(1, keepdims=True) * prompts) for side in (a, b))
        found.append((a * b).sum(1))
    return np.stack(found, 1)


def of_words(pairs: Sequence[LabelledPair]) -> np.ndarray:
    found = []
    for pair in pairs:
        numbers = [set(re.findall(r"\d+(?:\.\d+)?", text)) for text in (pair.a, pair.b)]
        forms = [set(FORM.findall(text)) for text in (pair.a, pair.b)]
        found.append([*overlaps(pair).values(), jaccard(*numbers), jaccard(*forms), float(len(forms[0] ^ forms[1]))])
    return np.array(found)


def judged(learner, columns: np.ndarray, labels: np.ndarray, prompts: Sequence[str], train: int) -> dict[str, float]:
    """Of all pairs in folds, and of those after the first `train` by a learner of these."""

    def out_of_fold(rows: np.ndarray) -> np.ndarray:
        folds = GroupKFold(FOLDS).split(rows, labels[rows], [prompts[row] for row in rows])
        return cross_val_predict(clone(learner), columns[rows], labels[rows], cv=folds, method="predict_proba")[:, 1]

    def decided(seen: np.ndarray, asked: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        own = out_of_fold(seen)
        scores = clone(learner).fit(columns[seen], labels[seen]).predict_proba(columns[asked])[:, 1]
        cuts = {metric: best_threshold(own, labels[seen], metric) for metric in ("accuracy", "balanced_accuracy")}
        return scores, {metric: scores > cut for metric, cut in cuts.items()}

    everything = np.arange(len(labels))
    scores, said = (
        np.empty(len(labels)),
        {name: np.empty(len(labels), bool) for name in ("accuracy", "balanced_accuracy")},
    )
    for seen, asked in GroupKFold(FOLDS).split(everything, labels, prompts):
        scores[asked], found = decided(seen, asked)
        for metric, same in found.items():
            said[metric][asked] = same
    held_out = everything[train:]
    of_val, said_of_val = decided(everything[:train], held_out)
    return {
        "AUROC in folds": float(roc_auc_score(labels, scores)),
        "accuracy in folds": float((said["accuracy"] == labels).mean()),
        "AUROC of VAL": float(roc_auc_score(labels[held_out], of_val)),
        "accuracy of VAL": float((said_of_val["accuracy"] == labels[held_out]).mean()),
        "accuracy of VAL, balanced": float((said_of_val["balanced_accuracy"] == labels[held_out]).mean()),
    }


def main(train_file: str, val_file: str, *embedders: str) -> None:
    train, val = (list(read_all([file])[0]) for file in (train_file, val_file))
    pairs = train + val
    labels, prompts = np.array([pair.similar for pair in pairs]), [pair.prompt for pair in pairs]
    words = of_words(pairs)
    names = embedders or (MINILM,)
    of_embedder = {name.rstrip("/").rsplit("/", 1)[-1]: cosines(pairs, name) for name in names}
    columns = {"words": words}
    for name, found in of_embedder.items():
        columns |= {f"cosine of {name}": found[:, :1], f"six cosines of {name}": found}
        columns[f"words and six cosines of {name}"] = np.column_stack([words, found])
    if len(of_embedder) > 1:
        columns["words and all cosines"] = np.column_stack([words, *of_embedder.values()])
    rows = [
        {"features": features, "learner": name} | judged(learner, found, labels, prompts, len(train))
        for features, found in columns.items()
        for name, learner in LEARNERS.items()
        if found.shape[1] > 1 or name == "logistic"
    ]
    report(rows, train=len(train), val=len(val), the_same=int(labels.sum()))


if __name__ == "__main__":
    main(*sys.argv[1:])
