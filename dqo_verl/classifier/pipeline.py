"""`classifier train`: trains a checkpoint and stores its threshold in it."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from dqo_verl.classifier.checkpoint import set_threshold
from dqo_verl.classifier.data import LabelledPair, check_both_classes
from dqo_verl.classifier.evaluate import evaluate_folds, labels_of, table
from dqo_verl.classifier.folds import out_of_fold
from dqo_verl.classifier.metrics import best_threshold
from dqo_verl.classifier.runs import claim
from dqo_verl.classifier.settings import TrainSettings
from dqo_verl.classifier.train import train
from dqo_verl.errors import UserError
from dqo_verl.models.pair_classifier import DEFAULT_THRESHOLD
from dqo_verl.provenance import provenance


def train_and_choose(
    pairs: Sequence[LabelledPair],
    revisions: Mapping[str, str],
    settings: TrainSettings,
    out: Path,
    folds: int,
    metric: str,
    save_every: int,
) -> None:
    """Train the checkpoint on all pairs. With folds, its threshold is the best one on the pairs' out-of-fold scores."""
    from accelerate import PartialState  # type: ignore[import-untyped]

    check_both_classes(pairs, ", ".join(revisions))
    if folds == 1 or folds < 0:
        raise UserError(f"--folds {folds}: use at least 2, or 0 for a threshold of {DEFAULT_THRESHOLD}")
    claim(out, settings, pairs)
    threshold = DEFAULT_THRESHOLD
    if folds:
        scores, fold = out_of_fold(pairs, settings, out, folds, save_every)
        threshold = best_threshold(scores, labels_of(pairs), metric)
        if PartialState().is_main_process:
            result = evaluate_folds(scores, fold, pairs, metric, "classifier")
            about = {"source": dict(revisions), "settings": settings.as_dict(), "provenance": provenance()}
            found = about | {"out_of_fold": scores.tolist(), "fold": fold} | result
            (out / "folds.json").write_text(json.dumps(found, indent=1) + "\n")
            print(f"{folds}-fold cross-validation, thresholds from the other folds:\n{table(result)}\n", flush=True)
    checkpoint = train(pairs, settings, out, save_every, "all pairs")
    if PartialState().is_main_process:
        set_threshold(checkpoint, threshold)
        print(f"threshold {threshold:.3f}. Use it: +algorithm.diversity.classifier={checkpoint.resolve()}")
