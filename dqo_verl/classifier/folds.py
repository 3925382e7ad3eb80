"""Cross-validation: every pair is scored by a model that has seen neither it nor another pair of its prompt."""

import json
import random
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dqo_verl.classifier.data import LabelledPair
from dqo_verl.classifier.metrics import best_threshold
from dqo_verl.classifier.runs import claim
from dqo_verl.classifier.score import Scores, score
from dqo_verl.classifier.settings import TrainSettings
from dqo_verl.classifier.train import train
from dqo_verl.errors import UserError
from dqo_verl.results import written


def fold_of_each(pairs: Sequence[LabelledPair], folds: int, seed: int) -> list[int]:
    """The fold of each pair. Prompts go to the folds in turn, those with similar pairs first, which balances the folds."""
    similar: dict[str, int] = {}
    for pair in pairs:
        similar[pair.prompt] = similar.get(pair.prompt, 0) + pair.similar
    if len(similar) < folds:
        raise UserError(f"--folds {folds}: the pairs have only {len(similar)} prompts")
    prompts = list(similar)
    random.Random(seed).shuffle(prompts)
    prompts.sort(key=lambda prompt: similar[prompt] == 0)
    fold = {prompt: i % folds for i, prompt in enumerate(prompts)}
    return [fold[pair.prompt] for pair in pairs]


def out_of_fold(
    pairs: Sequence[LabelledPair], settings: TrainSettings, out: Path, folds: int, save_every: int
) -> tuple[Scores, list[int]]:
    """P(same) of each pair, and its fold. The folds' models are not kept; a finished fold is not trained again."""
    from accelerate import PartialState  # type: ignore[import-untyped]

    fold = fold_of_each(pairs, folds, settings.seed)
    found = np.empty(len(pairs))
    for i in range(folds):
        rest = [pair for pair, its in zip(pairs, fold, strict=True) if its != i]
        own = [k for k, its in enumerate(fold) if its == i]
        directory = out / "folds" / str(i)
        scores = directory / "scores.json"
        claim(directory, settings, rest)
        if not scores.exists():
            checkpoint = train(rest, settings, directory, save_every, f"fold {i + 1} of {folds}")
            if PartialState().is_main_process:
                both = score(str(checkpoint), [pairs[k] for k in own]).both
                with written(scores) as file:
                    file.write(json.dumps(both.tolist()))
                shutil.rmtree(checkpoint)
        PartialState().wait_for_everyone()
        found[own] = json.loads(scores.read_text())
    return found, fold


def thresholds_of_others(scores: Scores, labels: np.ndarray, fold: Sequence[int], metric: str) -> Scores:
    """For each pair, the threshold that is best on the pairs of all other folds."""
    folds = np.array(fold)
    found = np.empty(len(scores))
    for i in np.unique(folds):
        found[folds == i] = best_threshold(scores[folds != i], labels[folds != i], metric)
    return found
