"""How well do word counts predict human judgements of "the same"? A reference for small classifiers, not one of ours.

    python benchmarks/counted_words.py PAIRS.jsonl [MORE.jsonl ...]        half a minute

It compares boosted trees on fourteen overlaps of two responses (5-fold cross-validation by prompt) with single overlaps. Label
1 is "same". Accuracy is at probability 0.5; for single overlaps at the best threshold over all pairs, which flatters them.
"""

import re
import sys

import numpy as np
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict

from dqo_verl.classifier.data import LabelledPair, read_all

SEED = 0
FOLDS = 5
# The number of first words and of last words that are also compared on their own.
EDGE = 60


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def grams(text: str, n: int) -> set[tuple[str, ...]]:
    found = words(text)
    return set(zip(*(found[i:] for i in range(n)), strict=False))


def jaccard(a: set, b: set) -> float:
    return len(a & b) / max(1, len(a | b))


def contained(a: set, b: set) -> float:
    return len(a & b) / max(1, min(len(a), len(b)))


def overlaps(pair: LabelledPair) -> dict[str, float]:
    a, b = words(pair.a), words(pair.b)
    asked = set(words(pair.prompt))
    names = [set(re.findall(r"\b[A-Z]\w+", text)) for text in (pair.a, pair.b)]
    found = {f"{n}-gram Jaccard": jaccard(grams(pair.a, n), grams(pair.b, n)) for n in (1, 2, 3)}
    found |= {f"{n}-grams contained": contained(grams(pair.a, n), grams(pair.b, n)) for n in (1, 2, 3)}
    return found | {
        "beginning": jaccard(set(a[:EDGE]), set(b[:EDGE])),
        "end": jaccard(set(a[-EDGE:]), set(b[-EDGE:])),
        "words not in the prompt": jaccard(set(a) - asked, set(b) - asked),
        "capitalised words": jaccard(*names),
        "ratio of lengths": (min(len(a), len(b)) + 1) / (max(len(a), len(b)) + 1),
        "length": float(len(a) + len(b)),
    }


def tfidf_cosine(pairs: list[LabelledPair], **options) -> np.ndarray:
    vectorizer = TfidfVectorizer(sublinear_tf=True, **options).fit([text for p in pairs for text in (p.a, p.b)])
    a, b = (vectorizer.transform(texts) for texts in ([p.a for p in pairs], [p.b for p in pairs]))
    return np.asarray(a.multiply(b).sum(axis=1)).ravel()


def main(places: list[str]) -> None:
    pairs = list(read_all(places)[0])
    labels = np.array([pair.similar for pair in pairs])
    columns = [overlaps(pair) for pair in pairs]
    table = {name: np.array([row[name] for row in columns]) for name in columns[0]}
    table["TF-IDF cosine"] = tfidf_cosine(pairs)
    table["TF-IDF cosine, characters"] = tfidf_cosine(pairs, analyzer="char_wb", ngram_range=(3, 4))
    trees = GradientBoostingClassifier(
        n_estimators=120, max_depth=2, learning_rate=0.05, subsample=0.7, random_state=SEED
    )
    folds = GroupKFold(FOLDS).split(labels, labels, [pair.prompt for pair in pairs])
    found = cross_val_predict(trees, np.column_stack(list(table.values())), labels, cv=folds, method="predict_proba")
    print(f"{len(pairs)} pairs, {labels.sum()} the same\n\n| overlap | AUROC | accuracy |\n|---|---|---|")
    for name, scores in table.items():
        best = max(((scores > cut) == labels).mean() for cut in np.unique(scores))
        print(f"| {name} | {roc_auc_score(labels, scores):.3f} | {best:.3f} |")
    scores = found[:, 1]
    print(f"| all, boosted trees | {roc_auc_score(labels, scores):.3f} | {((scores > 0.5) == labels).mean():.3f} |")


if __name__ == "__main__":
    main(sys.argv[1:])
