"""`dqo-verl demo | sample | evaluate | report`: each command passes its options to one function and prints the result."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from dqo_verl.errors import UserError
from dqo_verl.evaluation.metrics.options import Options
from dqo_verl.evaluation.sample.options import Sampling, engine_arguments
from dqo_verl.flags import Inputs, Numbers, Runs, unset


@dataclass(frozen=True)
class Demo:
    """See the effect in two minutes, without a GPU: train GRPO, DQO and DARLING from the same tiny policy."""

    out: Annotated[Path, arg(metavar="FOLDER")] = Path("demo")
    """Folder for the answers and the report."""
    seed: Annotated[int, arg(metavar="N")] = 1
    """Seed of the policy and of its training."""

    def run(self) -> None:
        from dqo_verl.evaluation.demo import demo

        demo(self.out, self.seed)


@dataclass(frozen=True)
class Sample:
    """Write n responses to every prompt as jsonl; the same command continues where it stopped."""

    model: Annotated[str, arg(metavar="NAME")]
    """Hugging Face name or folder, folder of a verl checkpoint, or name at the endpoint."""
    prompts: Annotated[Path, arg(metavar="FILE")]
    """Parquet in verl's format, or jsonl with a field `prompt`."""
    out: Annotated[Path, arg(metavar="FILE")]
    """Jsonl file to write; existing rows are kept."""
    temperature: Numbers = (1.0,)
    """One temperature or several."""
    limit: Annotated[int | None, unset("all", "N")] = None
    """Use only the first N prompts of the file."""
    endpoint: Annotated[str | None, unset("vLLM in this process", "URL")] = None
    """OpenAI-compatible server, http://host:port/v1."""
    engine: Annotated[tuple[str, ...], unset("none", "NAME=VALUE ...")] = ()
    """Arguments of vllm.LLM."""
    merged: Annotated[Path | None, unset("inside the checkpoint", "FOLDER")] = None
    """Folder for the merged model of a verl checkpoint."""
    sampling: Sampling = field(default_factory=Sampling)

    def run(self) -> None:
        from dqo_verl.evaluation.sample.prompts import read_prompts
        from dqo_verl.evaluation.sample.run import sample

        for typed, value in (("--limit", self.limit), ("-n", self.sampling.n)):
            if value is not None and value < 1:
                raise UserError(f"{typed} {value}: at least 1 is needed")
        if self.endpoint and (self.engine or self.merged):
            raise UserError("--engine and --merged have no effect with --endpoint, whose server loads the model")
        engine = engine_arguments(self.engine)
        prompts = read_prompts(self.prompts, self.limit)
        temperatures = tuple(dict.fromkeys(self.temperature))
        rows = sample(prompts, self.out, self.model, temperatures, self.sampling, self.endpoint, engine, self.merged)
        total = len(prompts) * len(temperatures)
        print(f"{self.out}: {rows} new rows of {total}, {self.sampling.n} responses each")


@dataclass(frozen=True)
class Evaluate:
    """Measure quality and diversity of responses, with 95 % intervals."""

    inputs: Inputs
    """Jsonl or parquet files of responses, or folders of them (verl's validation_data_dir)."""
    out: Annotated[Path | None, unset("INPUT.evaluation", "FOLDER")] = None
    """Folder for the result."""
    metrics: Options = field(default_factory=Options)

    def run(self) -> None:
        from dqo_verl.evaluation.files import name_of
        from dqo_verl.evaluation.metrics.evaluate import evaluate
        from dqo_verl.evaluation.report.tables import evaluation_table

        first = self.inputs[0]
        out = self.out or first.with_name(f"{name_of(first)}.evaluation")
        print(evaluation_table(evaluate(self.inputs, out, self.metrics)))
        print(f"Written to {out}")


@dataclass(frozen=True)
class Report:
    """Compare runs on one page: quality, diversity, and whether a difference is noise."""

    runs: Runs
    """Folder with logs and evaluations of a run, or one such file. Runs with the same NAME are seeds of one method."""
    out: Annotated[Path, arg(metavar="FOLDER")] = Path("report")
    """Folder for index.html and report.md."""
    baseline: Annotated[str | None, unset("the first run", "NAME")] = None
    """Run that the others are compared with."""
    title: Annotated[str, arg(metavar="TEXT")] = "Quality and diversity"
    """Title of the page."""
    samples: Annotated[int, arg(metavar="N")] = 6
    """Number of prompts whose responses are shown side by side."""

    def run(self) -> None:
        from dqo_verl.evaluation.report.page import write_report

        page, table = write_report(self.runs, self.out, self.baseline, self.title, self.samples)
        print(table.read_text())
        print(f"Written to {page} and {table}")
