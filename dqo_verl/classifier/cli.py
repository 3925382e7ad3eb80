"""`dqo-verl classifier train | evaluate | label`."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from dqo_verl.classifier.settings import TrainSettings
from dqo_verl.errors import UserError, opening
from dqo_verl.flags import Inputs, Places, unset

Metric = Annotated[Literal["accuracy", "balanced_accuracy"], arg(metavar="METRIC")]


def _quiet_transformers() -> None:
    """Silence transformers: its report of the head's new weights and its progress bars would bury our output."""
    from transformers.utils import logging

    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class Train:
    """Fine-tune a backbone on labelled pairs (prompt, generation_0, generation_1, similar)."""

    source: Places
    """Jsonl, parquet, folder or hub id of labelled pairs, or PLACE:SPLIT."""
    out: Annotated[Path, arg(metavar="FOLDER")]
    """Folder of the run; the checkpoint is OUT/model. The same command with the same folder resumes."""
    folds: Annotated[int, arg(metavar="N")] = 0
    """Folds of the cross-validation that chooses the threshold; with 0, the threshold is 0.5."""
    threshold_by: Metric = "accuracy"
    """What the threshold maximizes, accuracy or balanced_accuracy."""
    save_every: Annotated[int, arg(metavar="N")] = 20
    """Steps between saved states, from which a killed run resumes."""
    training: TrainSettings = field(default_factory=TrainSettings)

    def run(self) -> None:
        from dqo_verl.classifier.data import read_all
        from dqo_verl.classifier.pipeline import train_and_choose

        if self.threshold_by != "accuracy" and not self.folds:
            raise UserError("--threshold-by has no effect without --folds: add --folds 5, or leave it out")
        _quiet_transformers()
        pairs, revisions = read_all(self.source)
        train_and_choose(pairs, revisions, self.training, self.out, self.folds, self.threshold_by, self.save_every)


@dataclass(frozen=True)
class Evaluate:
    """Evaluate a checkpoint on labelled pairs, next to baselines."""

    checkpoint: Positional[Annotated[str, arg(metavar="CHECKPOINT")]]
    """Folder or hub name of a sequence classifier with two labels."""
    source: Places
    """Jsonl, parquet, folder or hub id of labelled pairs, or PLACE:SPLIT."""
    train: Annotated[tuple[str, ...], unset("no baselines", "PLACE ...")] = ()
    """Pairs for choosing the thresholds of the baselines."""
    threshold_by: Metric = "accuracy"
    """What those thresholds maximize, accuracy or balanced_accuracy."""
    out: Annotated[Path | None, unset("none", "FILE")] = None
    """Json file for all numbers."""

    def run(self) -> None:
        from dqo_verl.classifier.data import check_both_classes, read_all
        from dqo_verl.classifier.evaluate import evaluate_checkpoint, table
        from dqo_verl.classifier.score import score

        if self.threshold_by != "accuracy" and not self.train:
            raise UserError("--threshold-by has no effect without --train: add --train PAIRS, or leave it out")
        _quiet_transformers()
        pairs, revisions = read_all(self.source)
        check_both_classes(pairs, ", ".join(self.source))
        train, _ = read_all(self.train)
        if leaked := {pair.prompt for pair in pairs} & {pair.prompt for pair in train}:
            raise UserError(
                f"{len(leaked)} prompts are in both --source and --train: evaluate on pairs of other prompts"
            )
        try:
            scored = score(self.checkpoint, pairs)
        except (ValueError, OSError) as error:
            # The error says what the checkpoint lacks.
            raise UserError(str(error)) from error
        result = evaluate_checkpoint(scored, pairs, train, self.threshold_by, "classifier")
        if self.out:
            found = {"checkpoint": self.checkpoint, "source": revisions} | result
            with opening(self.out):
                self.out.write_text(json.dumps(found, indent=1) + "\n")
        print(table(result))
        if not train:
            print("No baselines: to choose their thresholds, add training pairs with --train PAIRS")


@dataclass(frozen=True)
class Label:
    """Label pairs of solution traces with an LLM, as training data for `classifier train`."""

    traces: Inputs
    """Jsonl of responses, as `dqo-verl sample` writes them."""
    out: Annotated[Path, arg(metavar="FILE")]
    """Jsonl of labelled pairs."""
    model: Annotated[str, arg(metavar="NAME")]
    """Name of the model at the endpoint (the paper uses meta-llama/Llama-3.3-70B-Instruct)."""
    endpoint: Annotated[str, arg(metavar="URL")]
    """OpenAI-compatible server, http://host:port/v1."""
    pairs_per_prompt: Annotated[int, arg(metavar="N")] = 1
    """Maximum number of pairs that are drawn for each prompt."""
    concurrency: Annotated[int, arg(metavar="N")] = 8
    """Number of concurrent requests."""
    seed: Annotated[int, arg(metavar="N")] = 0
    """Seed for drawing the pairs."""

    def run(self) -> None:
        from dqo_verl.classifier.label import label
        from dqo_verl.classifier.traces import draw_pairs

        if self.out.exists() and any(path.exists() and self.out.samefile(path) for path in self.traces):
            raise UserError(f"--out {self.out} is also an input file and would be overwritten. Choose another --out.")
        if self.pairs_per_prompt < 1:
            raise UserError(f"--pairs-per-prompt {self.pairs_per_prompt}: at least 1 is needed")
        pairs = draw_pairs(self.traces, self.pairs_per_prompt, self.seed)
        counts = label(pairs, self.out, self.model, self.endpoint, self.concurrency)
        print(", ".join(f"{name} {count}" for name, count in counts.items()))
        print(f"Written to {self.out}")
