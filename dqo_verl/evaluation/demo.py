"""`dqo-verl demo`: trains GRPO, DQO and DARLING from one tiny policy in this process; prints a table, writes a report."""

import json
from collections.abc import Sequence
from pathlib import Path

import torch

from dqo_verl.evaluation.metrics.evaluate import evaluate
from dqo_verl.evaluation.metrics.options import Options
from dqo_verl.evaluation.report.page import write_report
from dqo_verl.lab.network import Network
from dqo_verl.lab.policies import Start, teach
from dqo_verl.lab.sampling import sample
from dqo_verl.lab.tasks import Sums
from dqo_verl.lab.training import Row, training
from dqo_verl.results import written

STEPS, EVERY, TRIES = 60, 10, 10
METHODS = {
    "grpo": Row(std=True, steps=STEPS),
    "dqo": Row({"method": "dqo"}, steps=STEPS),
    "darling": Row({"method": "darling"}, steps=STEPS),
}
WIDE = 12
BAR = 40

ABOUT = f"""\
The task: write a number as a sum whose first part is 1 to 12, as in "47 =" -> "5+42". Twelve answers are correct, and each
earns 1; a wrong one earns 0. A language model of half a million parameters first learns from a teacher that is wrong a
quarter of the time. Then each method trains it for {STEPS} steps of reinforcement learning, from the same start.
"""
NEXT = """\
To use a method in your own training:
  verl       algorithm.adv_estimator=dqo
  TRL        with_diversity(GRPOTrainer)(..., diversity=Diversity("dqo"))
  OpenRLHF   python -m dqo_verl.openrlhf --algo.advantage.estimator dqo ...
This was one toy policy and one seed. docs/alpha_and_k.md has results of many, with intervals. To train with verl's real
engine, run `bash recipes/dqo_gsm8k_qwen.sh` in a checkout."""


def demo(out: Path, seed: int) -> None:
    """Teach the policy, train it with each method side by side, and print the result; responses and report go to `out`."""
    print(ABOUT, flush=True)
    threads = torch.get_num_threads()
    # the policy is so small that a second thread would only wait
    torch.set_num_threads(1)
    task = Sums()
    start = teach(task, seed, "the demo's policy", shows=True)
    pass_at_1: dict[str, float] = {}
    distinct: dict[str, float] = {}
    answers: dict[str, list[dict[str, object]]] = {name: [] for name in METHODS}
    names = "".join(f"{name:>{WIDE}}" for name in METHODS)
    width = WIDE * len(METHODS)
    print(f"{'':4}{'correct at the first try':>{width}}    {f'distinct correct in {TRIES} tries':>{width}}")
    print(f"step{names}    {names}")
    for moments in zip(*(training(task, start, row, seed, EVERY) for row in METHODS.values()), strict=True):
        step = moments[0][0]
        for (name, rows), (_, network, found) in zip(answers.items(), moments, strict=True):
            pass_at_1[name], distinct[name] = found["pass@1"], found["distinct@10"]
            rows += responses(start, network, task, step, seed)
        if step == 0:
            before = pass_at_1["grpo"], distinct["grpo"]
        shown = (
            "".join(f"{value:{WIDE}.{digits}f}" for value in of.values())
            for of, digits in ((pass_at_1, 2), (distinct, 1))
        )
        print(f"{step:4}" + "    ".join(shown), flush=True)
    torch.set_num_threads(threads)
    print(picture({"before": before} | {name: (pass_at_1[name], distinct[name]) for name in METHODS}))
    print(ten_answers({name: rows[-1] for name, rows in answers.items()}))
    page = report(answers, out)
    print(f"All answers side by side, with intervals: {page}\n\n{NEXT}")


def responses(start: Start, network: Network, task: Sums, step: int, seed: int) -> list[dict[str, object]]:
    """Sample responses to the held-out problems, as rows that `dqo-verl evaluate` reads."""
    prompts = [start.prompt(asked) for asked, _ in start.held_out]
    end = start.tokenizer.eos_token_id
    generator = torch.Generator().manual_seed(seed)
    texts = [start.text(one.tokens) for one in sample(network, prompts, TRIES, end, generator)]
    rows: list[dict[str, object]] = []
    for i, (asked, truth) in enumerate(start.held_out):
        own = texts[i * TRIES : (i + 1) * TRIES]
        scores = [float([text] in task.right(truth)) for text in own]
        rows.append(
            {"prompt_id": asked, "prompt": asked, "responses": own, "scores": scores, "step": step, "temperature": 1.0}
        )
    return rows


def picture(ends: dict[str, tuple[float, float]]) -> str:
    """A text chart with one bar per method for its distinct correct answers."""
    longest = max(count for _, count in ends.values()) or 1.0
    lines = ["", f"Distinct correct answers in {TRIES} tries, and how often the first try is correct:", ""]
    for name, (first, count) in ends.items():
        bar = "#" * round(BAR * count / longest)
        lines.append(f"  {name:8} {bar:{BAR}} {count:4.1f}   {first:4.0%}")
    return "\n".join([*lines, ""])


def ten_answers(rows: dict[str, dict[str, object]]) -> str:
    """The answers of each method to one prompt, sorted so that repetitions are easy to see."""
    asked = next(iter(rows.values()))["prompt"]
    lines = [f'Answers to "{asked}", which no method trained on (wrong answers in brackets):', ""]
    for name, row in rows.items():
        pairs = sorted(zip(_texts(row["responses"]), _texts(row["scores"]), strict=True))
        lines.append(f"  {name:8} " + " ".join(str(text) if score else f"({text})" for text, score in pairs))
    return "\n".join([*lines, ""])


def _texts(value: object) -> Sequence[object]:
    assert isinstance(value, list)
    return value


def report(answers: dict[str, list[dict[str, object]]], out: Path) -> Path:
    """Evaluate each method's answers at each step, and compare them on one page."""
    runs = []
    for name, rows in answers.items():
        folder = out / name
        folder.mkdir(parents=True, exist_ok=True)
        with written(folder / "answers.jsonl") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
        evaluate([folder / "answers.jsonl"], folder / "answers.evaluation", Options(embedder="none", workers=1))
        runs.append(f"{name}={folder}")
    page, _ = write_report(runs, out / "report", baseline="grpo", title="GRPO beside DQO and DARLING", samples=6)
    return page
