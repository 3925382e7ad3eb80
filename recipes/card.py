"""Writes the model card of a trained policy: a README.md beside the weights that `dqo-verl sample` merged, ready for a hub.

python recipes/card.py DIR METHOD REPORT

DIR is the run's folder with `test.evaluation` in it, METHOD the run's name in REPORT, the folder of `dqo-verl report`.
"""

import json
import sys
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import EvalResult, ModelCard, ModelCardData

from dqo_verl.errors import plainly
from dqo_verl.evaluation.metrics.table import METRICS
from dqo_verl.evaluation.report.tables import evaluation_table
from dqo_verl.evaluation.sample.checkpoint import resolve_model, training_step

BODY = """
# {name}

{base}, trained for {step} steps on `{data}` by [verl](https://github.com/verl-project/verl) with dqo_verl.
The algorithm is `{algorithm}`, with {n} responses to each prompt and seed {seed}.
The weights come from a training run that compares methods; nobody has checked them for any other use.

## Results

{words}

```text
{table}
```

The comparison is over all seeds of each method; the table is of this checkpoint alone.
Responses were sampled at temperature {temperature} ({sampled}).

## How it was trained

```bash
{command}
```

{versions}

The license of {base} and that of the data apply.
"""


def of_hub(path: str) -> str | None:
    """A hub's name of a model; None for a local folder."""
    return None if Path(path).is_dir() else path


def card(run: Path, method: str, report: Path, model: str) -> ModelCard:
    settings = yaml.safe_load((run / "hydra/.hydra/config.yaml").read_text())
    evaluation = json.loads((run / "test.evaluation/metrics.json").read_text())
    compared = json.loads((report / "summary.json").read_text())["comparisons"]
    base, step = settings["actor_rollout_ref"]["model"]["path"], training_step(model)
    train, algorithm = settings["data"]["train_files"], settings["algorithm"]["adv_estimator"]
    data = Path(train if isinstance(train, str) else train[0]).parent.name
    (part,) = evaluation["slices"]
    (sampling,) = evaluation["sampling"]
    about: dict[str, Any] = {
        "base_model": of_hub(base),
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "tags": ["verl", "dqo_verl", "reinforcement-learning", algorithm],
        "model_name": f"{Path(base).name}-{data}-{run.name}",
        "eval_results": [
            EvalResult(
                task_type="text-generation",
                dataset_type=data,
                dataset_name=f"{data}, test, {part['prompts']} prompts x {part['n']}",
                metric_type=metric,
                metric_name=METRICS[metric].label,
                metric_value=round(mean, 4),
            )
            for metric, (mean, _, _) in part["metrics"].items()
            if mean is not None
        ],
    }
    words = [f"- {told}" for one in compared for told in one["in_words"] if told.startswith(f"{method} against ")]
    body = BODY.format(
        name=about["model_name"],
        base=Path(base).name if of_hub(base) is None else f"[{base}](https://huggingface.co/{base})",
        step=step,
        data=data,
        algorithm=algorithm,
        n=settings["actor_rollout_ref"]["rollout"]["n"],
        seed=settings["data"]["seed"],
        words="\n".join(words) or "The other methods were compared with this one.",
        table=evaluation_table(evaluation),
        sampled=", ".join(f"{name} {sampling['settings'][name]}" for name in ("top_p", "max_tokens")),
        temperature=part["temperature"],
        command=(run / "command.sh").read_text().strip(),
        versions="Evaluated with "
        + ", ".join(f"{k} {v}" for k, v in evaluation["provenance"]["versions"].items())
        + ".",
    )
    return ModelCard(f"---\n{ModelCardData(**about)}\n---\n{body}")


def main(run: str, method: str, report: str) -> None:
    model = resolve_model(str(Path(run) / "checkpoints"))
    file = Path(model) / "README.md"
    card(Path(run), method, Path(report), model).save(file)
    print(f"model card: {file}")


if __name__ == "__main__":
    sys.exit(plainly("card", lambda: main(*sys.argv[1:])))
