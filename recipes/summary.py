"""Compares the last validation of a run with its first: prints the differences in words, with intervals, and writes a page.

python recipes/summary.py DIR SCRIPT
"""

import json
import sys
from pathlib import Path

from dqo_verl.core.defaults import MINILM
from dqo_verl.errors import UserError
from dqo_verl.evaluation.files import files_of
from dqo_verl.evaluation.metrics.evaluate import evaluate
from dqo_verl.evaluation.metrics.options import Options
from dqo_verl.evaluation.report.page import write_report
from dqo_verl.extras import what_to_type
from dqo_verl.models.hub import locate


def main(directory: Path, script: str) -> None:
    validation = directory / "validation"
    dumps = list(files_of(validation)) if validation.is_dir() else []
    if len(dumps) < 2:
        print(
            f"no summary: it compares two validations, and this run has {len(dumps)}. "
            "trainer.val_before_train=True and trainer.test_freq=N add some"
        )
        return
    # without an embedder on this disk, answers are the same only if their texts are
    can_embed = Path(locate(MINILM)).is_dir()
    options = Options(embedder=MINILM, classifier="cosine") if can_embed else Options(embedder="none")
    evaluate([dumps[0], dumps[-1]], directory / "evaluation", options)
    page, _ = write_report(
        [f"{directory.name}={directory}"], directory / "report", None, f"{script}: before and after", 6
    )
    for one in json.loads((directory / "report/summary.json").read_text())["comparisons"]:
        print(*one["in_words"], sep="\n")
    print(f"the answers before and after training, side by side: {page}")
    print(
        f"next: run the recipe's baseline (docs/experiments.md), and compare: dqo-verl report grpo=ITS_FOLDER ours={directory}"
    )


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), sys.argv[2])
    except (UserError, ModuleNotFoundError) as error:
        # the run itself succeeded
        told = what_to_type(error, "evaluation") if isinstance(error, ModuleNotFoundError) else None
        print(f"no summary: {told or error}")
