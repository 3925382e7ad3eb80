"""`dqo-verl classifier train | evaluate | label`."""

import argparse
import dataclasses
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dqo_verl.classifier.settings import PRECISIONS, TrainSettings
from dqo_verl.errors import UserError

DEFAULTS = argparse.ArgumentDefaultsHelpFormatter
METRICS = ("accuracy", "balanced_accuracy")
PAIRS = "labelled pairs (prompt, generation_0, generation_1, similar): jsonl, parquet, directory or hub id, PLACE:SPLIT"


def _plainly(command: Callable[[argparse.Namespace], None]) -> Callable[[argparse.Namespace], int]:
    """What is wrong with data, checkpoint or endpoint ends the command with its message, without a traceback."""

    def run(args: argparse.Namespace) -> int:
        try:
            command(args)
        except UserError as error:
            print(f"dqo-verl classifier {args.action}: {error}", file=sys.stderr)
            return 1
        return 0

    return run


def _quiet_transformers() -> None:
    """Its report of the head's new weights and its bars for loading would bury ours."""
    from transformers.utils import logging

    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]


def run_train(args: argparse.Namespace) -> None:
    from dqo_verl.classifier.data import read_all
    from dqo_verl.classifier.pipeline import train_and_choose

    _quiet_transformers()
    settings = TrainSettings(**{field.name: getattr(args, field.name) for field in dataclasses.fields(TrainSettings)})
    pairs, revisions = read_all(args.source)
    train_and_choose(pairs, revisions, settings, args.out, args.folds, args.threshold_by, args.save_every)


def run_evaluate(args: argparse.Namespace) -> None:
    from dqo_verl.classifier.data import check_both_classes, read_all
    from dqo_verl.classifier.evaluate import evaluate_checkpoint, table
    from dqo_verl.classifier.score import score

    _quiet_transformers()
    pairs, revisions = read_all(args.source)
    check_both_classes(pairs, ", ".join(args.source))
    train = read_all(args.train)[0] if args.train else []
    if leaked := {pair.prompt for pair in pairs} & {pair.prompt for pair in train}:
        raise UserError(f"{len(leaked)} prompts are in --source and in --train; judge on pairs of other prompts")
    try:
        scored = score(args.checkpoint, pairs)
    except (ValueError, OSError) as error:  # what the checkpoint lacks
        raise UserError(str(error)) from error
    result = evaluate_checkpoint(scored, pairs, train, args.threshold_by, "classifier")
    if args.out:
        args.out.write_text(json.dumps({"checkpoint": args.checkpoint, "source": revisions} | result, indent=1) + "\n")
    print(table(result))
    if not train:
        print("Baselines need training pairs for their thresholds: --train PAIRS")


def run_label(args: argparse.Namespace) -> None:
    from dqo_verl.classifier.label import label
    from dqo_verl.classifier.traces import draw_pairs

    pairs = draw_pairs(args.traces, args.pairs_per_prompt, args.seed)
    counts = label(pairs, args.out, args.model, args.endpoint, args.concurrency)
    print(", ".join(f"{name} {count}" for name, count in counts.items()))
    print(f"Written to {args.out}")


def _add_train(actions: Any) -> None:
    parser = actions.add_parser("train", help="fine-tune a backbone on labelled pairs", formatter_class=DEFAULTS)
    add, default = parser.add_argument, TrainSettings()
    add("--source", nargs="+", required=True, metavar="PLACE", help=PAIRS)
    add(
        "--out",
        type=Path,
        required=True,
        help="folder of the run; the checkpoint is OUT/model; the same folder resumes",
    )
    add("--backbone", default=default.backbone, help="encoder or decoder: directory or hub name")
    add("--steps", type=int, default=default.steps, help="updates")
    add("--batch", type=int, default=default.batch, help="ordered pairs of an update, over all processes")
    add("--micro-batch", type=int, default=default.micro_batch, help="ordered pairs that a process holds at once")
    add("--lr", type=float, default=default.lr, help="highest learning rate; it falls to a tenth of it")
    add("--head-lr", type=float, help="of the head and pooler (otherwise --lr)")
    add("--warmup", type=int, default=default.warmup, help="steps until the highest learning rate")
    add("--weight-decay", type=float, default=default.weight_decay, help="of AdamW")
    add("--dropout", type=float, help="in place of the backbone's")
    add("--tokens", type=int, default=default.tokens, help="of each response; the rest is cut")
    add("--prompt-tokens", type=int, default=default.prompt_tokens, help="of the prompt; 0: responses only")
    add("--precision", choices=PRECISIONS, default=default.precision, help="mixed precision; weights stay float32")
    add("--gradient-checkpointing", action="store_true", help="less memory, a third more time")
    add("--seed", type=int, default=default.seed, help="of the head, the order of pairs, dropout and folds")
    add("--folds", type=int, default=0, help="choose the threshold by cross-validation (otherwise it is 0.5)")
    add("--threshold-by", choices=METRICS, default="accuracy", help="what the threshold makes highest")
    add("--save-every", type=int, default=20, help="steps between two states that a killed run goes on from")
    parser.set_defaults(run=_plainly(run_train))


def _add_evaluate(actions: Any) -> None:
    parser = actions.add_parser("evaluate", help="judge a checkpoint beside baselines", formatter_class=DEFAULTS)
    add = parser.add_argument
    add("checkpoint", help="directory or hub name of a sequence classifier with two labels")
    add("--source", nargs="+", required=True, metavar="PLACE", help=PAIRS)
    add("--train", nargs="+", metavar="PLACE", help="pairs that the baselines' thresholds are chosen on")
    add("--threshold-by", choices=METRICS, default="accuracy", help="what those thresholds make highest")
    add("--out", type=Path, help="json file for all numbers")
    parser.set_defaults(run=_plainly(run_evaluate))


def _add_label(actions: Any) -> None:
    parser = actions.add_parser("label", help="label pairs of solution traces with an LLM", formatter_class=DEFAULTS)
    add = parser.add_argument
    add("traces", type=Path, nargs="+", help="jsonl of responses, as `dqo-verl sample` writes them")
    add("--out", type=Path, required=True, help="jsonl of labelled pairs, for `classifier train`")
    add("--model", required=True, help="name at the endpoint (the paper: meta-llama/Llama-3.3-70B-Instruct)")
    add("--endpoint", required=True, metavar="URL", help="OpenAI-compatible server, http://host:port/v1")
    add("--pairs-per-prompt", type=int, default=1, help="drawn at random")
    add("--concurrency", type=int, default=8, help="requests at a time")
    add("--seed", type=int, default=0, help="of the pairs that are drawn")
    parser.set_defaults(run=_plainly(run_label))


def add_commands(subparsers: Any) -> None:
    parser = subparsers.add_parser("classifier", help="train, judge and label for the pair classifier of DARLING")
    actions = parser.add_subparsers(required=True, metavar="ACTION", dest="action")
    _add_train(actions)
    _add_evaluate(actions)
    _add_label(actions)
