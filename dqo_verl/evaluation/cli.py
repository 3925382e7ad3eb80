"""`dqo-verl sample | evaluate | report`: arguments in, one function call, a table out."""

import argparse
import dataclasses
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dqo_verl.errors import UserError

DEFAULTS = argparse.ArgumentDefaultsHelpFormatter


def _engine_argument(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r}: write it as name=value, for example max_model_len=4096")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value


def _plainly(command: Callable[[argparse.Namespace], None]) -> Callable[[argparse.Namespace], int]:
    """Bad data ends the command with its message, without a traceback."""

    def run(args: argparse.Namespace) -> int:
        try:
            command(args)
        except UserError as error:
            raise SystemExit(str(error)) from error
        return 0

    return run


def run_sample(args: argparse.Namespace) -> None:
    from dqo_verl.evaluation.sample.engines import Sampling
    from dqo_verl.evaluation.sample.prompts import read_prompts
    from dqo_verl.evaluation.sample.run import sample

    sampling = Sampling(args.n, args.max_tokens, args.top_p, args.min_p, args.seed, args.chat_template_kwargs)
    prompts = read_prompts(args.prompts, args.limit)
    engine = dict(args.engine)
    rows = sample(prompts, args.out, args.model, args.temperature, sampling, args.endpoint, engine, args.merged)
    print(f"{args.out}: {rows} new rows of {len(prompts) * len(args.temperature)}, {args.n} responses each")


def run_evaluate(args: argparse.Namespace) -> None:
    from dqo_verl.evaluation.metrics.evaluate import evaluate
    from dqo_verl.evaluation.metrics.options import Options
    from dqo_verl.evaluation.report.tables import evaluation_table

    options = Options(**{field.name: getattr(args, field.name) for field in dataclasses.fields(Options)})
    first = args.inputs[0]
    out = args.out or first.with_name(f"{first.stem}.evaluation")
    result = evaluate(args.inputs, out, options)
    print(evaluation_table(result))
    print(f"Written to {out}")


def run_report(args: argparse.Namespace) -> None:
    from dqo_verl.evaluation.report.page import write_report

    page, table = write_report(args.runs, args.out, args.baseline, args.title, args.samples)
    print(table.read_text())
    print(f"Written to {page} and {table}")


def _add_sample(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser("sample", help="n responses to every prompt, as jsonl", formatter_class=DEFAULTS)
    add = parser.add_argument
    add(
        "--model",
        required=True,
        help="Hugging Face name or folder, verl checkpoint folder, or name at the endpoint",
    )
    add("--prompts", type=Path, required=True, help="verl parquet, or jsonl with a field `prompt`")
    add("--out", type=Path, required=True, help="jsonl to write; rows that are there already are kept")
    add("-n", type=int, default=10, help="responses to each prompt")
    add("--temperature", type=float, nargs="+", default=[1.0], help="one or several")
    add("--top-p", type=float, default=1.0, help="nucleus sampling")
    add("--min-p", type=float, default=0.0, help="min-p sampling")
    add("--max-tokens", type=int, default=1024, help="of a response")
    add("--seed", type=int, default=0, help="every prompt and temperature gets its own seed from it")
    add("--limit", type=int, help="only the first prompts")
    add("--endpoint", help="OpenAI-compatible server (http://host:port/v1) instead of vLLM in this process")
    add("--engine", type=_engine_argument, nargs="*", default=[], metavar="NAME=VALUE", help="arguments of vllm.LLM")
    add("--merged", type=Path, help="where to put the merged model of a verl checkpoint (otherwise inside it)")
    add("--chat-template-kwargs", type=json.loads, help='JSON, for example {"enable_thinking": false}')
    parser.set_defaults(run=_plainly(run_sample))


def _add_evaluate(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    from dqo_verl.evaluation.metrics.options import Options

    parser = subparsers.add_parser("evaluate", help="quality and diversity with intervals", formatter_class=DEFAULTS)
    add, default = parser.add_argument, Options()
    add("inputs", type=Path, nargs="+", help="jsonl of responses, or folders of them (verl's validation_data_dir)")
    add("--out", type=Path, help="folder to write (otherwise INPUT.evaluation)")
    add(
        "--score-with",
        metavar="FILE.py:FUNCTION",
        help="reward function of verl's form (otherwise `score`, `acc`)",
    )
    add("--reward-model", metavar="NAME", help="score with it: a sequence classifier with one label, in this process")
    add(
        "--good-at",
        type=float,
        metavar="SCORE",
        help="from this score on a response is good (pass@k, effective)",
    )
    add("--embedder", default=default.embedder, help="sentence-transformers name or folder, or none")
    add(
        "--classifier",
        default=default.classifier,
        help="what decides which two responses are the same: `exact`, `cosine` (of the embedder), or a pair classifier",
    )
    add(
        "--classifier-threshold",
        type=float,
        default=default.classifier_threshold,
        help="above it: the same (otherwise the checkpoint's own, or what belongs to `cosine`)",
    )
    add("--classifier-tokens", type=int, help="of each response (otherwise half of what the model takes)")
    add("--both-orders", action="store_true", help="ask the pair classifier for both orders of a pair, and average")
    add("--short-answer-words", type=int, default=0, help="up to so many: half of the words shared is the same; 0: off")
    add("--patience", type=float, default=default.patience, help="of NoveltyBench's utility")
    add("--judge", metavar="MODEL", help="also ask this model how diverse the responses are")
    add("--judge-endpoint", metavar="URL", help="its OpenAI-compatible server (otherwise api.openai.com)")
    add("--workers", type=int, default=default.workers, help="processes for the lexical metrics")
    add("--skip-bad", action="store_true", help="leave out bad rows and groups, and count them")
    parser.set_defaults(run=_plainly(run_evaluate))


def _add_report(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser("report", help="compare runs on one page", formatter_class=DEFAULTS)
    add = parser.add_argument
    add("runs", nargs="+", metavar="[NAME=]RUN", help="folder with logs and evaluations of a run, or one such file")
    add("--out", type=Path, default=Path("report"), help="folder for index.html and report.md")
    add("--baseline", help="name of the run that the others are compared with (otherwise the first)")
    add("--title", default="Quality and diversity", help="of the page")
    add("--samples", type=int, default=6, help="prompts whose responses are shown side by side")
    parser.set_defaults(run=_plainly(run_report))


def add_commands(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `sample`, `evaluate` and `report`."""
    _add_sample(subparsers)
    _add_evaluate(subparsers)
    _add_report(subparsers)


def main(arguments: list[str] | None = None) -> int:
    """These three commands alone: `python -m dqo_verl.evaluation.cli`."""
    parser = argparse.ArgumentParser(prog="python -m dqo_verl.evaluation.cli", description=__doc__)
    add_commands(parser.add_subparsers(required=True))
    args = parser.parse_args(arguments)
    return int(args.run(args))


if __name__ == "__main__":
    sys.exit(main())
