r"""Reads a trainer's output from stdin: writes it to DIR/train.log, prints a line per step, and a summary at the end.

{ python -m verl.trainer.main_ppo ... 2>&1; printf '\n[dqo_verl] ended with exit status %s\n' $?; } |
    python recipes/progress.py DIR [openrlhf]
"""

import json
import os
import re
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from dqo_verl.jsonl import whole_lines

ENDED = "[dqo_verl] ended with exit status "
# marks the message of a command that was refused before Ray started (exit status 2)
REFUSED = re.compile(r"^dqo_verl(\.openrlhf)?: ", re.MULTILINE)


@dataclass(frozen=True)
class Trainer:
    """How to read a trainer's output."""

    name: str
    # groups: the step's number, its metrics
    step: re.Pattern[str]
    metric: re.Pattern[str]
    # metric -> its label on the terminal
    shown: dict[str, str]
    # text in the log -> what the run waits for from then on
    phases: dict[str, str]
    # group: the total number of steps
    total: re.Pattern[str] | None = None


NUMBER = r"-?[\d.]+(?:e[-+]?\d+)?|nan|inf"
STARTED = {
    "Started a local Ray instance": "the trainer's process and the models beside it",
    "Connected to Ray cluster": "the trainer's process and the models beside it",
}
VERL = Trainer(
    "verl",
    re.compile(r"step:(\d+) - (.*)"),
    re.compile(rf"(\S+):(?:np\.\w+\()?({NUMBER})"),
    {
        "critic/score/mean": "reward",
        "diversity/score/mean": "diversity",
        "actor/entropy": "entropy",
        "response_length/mean": "length",
        "timing_s/step": "seconds",
    },
    STARTED
    | {
        "dataloader initialized": "FSDP to load the policy",
        "model engine initialized": "vLLM to load the policy",
        "all initialize finished": "vLLM's first responses",
    },
    re.compile(r"Total training steps: (\d+)"),
)
OPENRLHF = Trainer(
    "OpenRLHF",
    re.compile(r".*Global step (\d+): \{(.*)"),
    re.compile(rf"'([^']+)': (?:tensor\()?({NUMBER})"),
    {
        "reward": "reward",
        "diversity/score/mean": "diversity",
        "response_length": "length",
        "timing/step_total": "seconds",
    },
    STARTED
    | {
        "feature workers are up": "DeepSpeed and vLLM to load the policy",
        "Preprocessing data": "DeepSpeed and vLLM to load the policy",
        "Generate samples": "the first responses",
    },
)
TRAINERS = {"verl": VERL, "openrlhf": OPENRLHF}
SECONDS_OF_SILENCE = 10
RAY_PREFIX = re.compile(r"^\x1b\[\d+m\(.*?\)\x1b\[0m ?")


# name -> (step, value), in order
Values = dict[str, list[tuple[int, float]]]


def short(metrics: dict[str, float], names: dict[str, str]) -> str:
    return "  ".join(f"{label} {metrics[key]:.3g}" for key, label in names.items() if key in metrics)


class Heartbeat:
    """Prints what the run waits for, and for how long, whenever nothing else has been printed for a while."""

    def __init__(self, what: str):
        self.printing, self.over = threading.Lock(), threading.Event()
        self.now_for(what)
        self.printed = self.since
        self.thread = threading.Thread(target=self.beat, daemon=True)
        self.thread.start()

    def now_for(self, what: str) -> None:
        self.what, self.since = what, time.monotonic()

    def say(self, line: str) -> None:
        with self.printing:
            print(line, flush=True)
            self.printed = time.monotonic()

    def beat(self) -> None:
        while not self.over.wait(max(0.1, self.printed + SECONDS_OF_SILENCE - time.monotonic())):
            if time.monotonic() - self.printed >= SECONDS_OF_SILENCE:
                self.say(f"  waiting for {self.what}: {time.monotonic() - self.since:.0f} s")

    def end(self) -> None:
        self.over.set()
        self.thread.join()


def follow(log: Path, trainer: Trainer) -> tuple[int, str, Values]:
    """Copy stdin to `log`; print our own messages and one short line per step. Returns the run's exit status, the last lines of
    the driver (Ray's workers keep printing after an error), and the metrics of the steps."""
    verbose, status = bool(os.environ.get("VERBOSE")), 1
    total = "?" if trainer.total else ""
    last: deque[str] = deque(maxlen=15)
    said: Values = {}
    heart = Heartbeat(f"{trainer.name} to read its settings and start Ray")
    with log.open("a") as file:
        for line in sys.stdin:
            file.write(line)
            file.flush()
            text = RAY_PREFIX.sub("", line).strip()
            if not RAY_PREFIX.match(line):
                last.append(line)
            shown = line.removesuffix("\n") if verbose else ""
            if text.startswith(ENDED):
                status, shown = int(text.removeprefix(ENDED)), ""
            elif trainer.total and (found := trainer.total.search(text)):
                total = found[1]
            elif found := trainer.step.match(text):
                metrics = {key: float(value) for key, value in trainer.metric.findall(found[2])}
                for key, value in metrics.items():
                    said.setdefault(key, []).append((int(found[1]), value))
                shown = shown or step_line(found[1], total, metrics, trainer.shown)
                heart.now_for(f"{trainer.name} to end" if found[1] == total else f"step {int(found[1]) + 1}")
            elif text.startswith("[dqo_verl]"):
                shown = shown or text
            for phase in filter(text.__contains__, () if said else trainer.phases):
                if heart.what != trainer.phases[phase]:
                    heart.now_for(trainer.phases[phase])
            if shown:
                heart.say(shown)
    heart.end()
    return status, "".join(last), said


def step_line(step: str, total: str, metrics: dict[str, float], names: dict[str, str]) -> str:
    validated = {key: key.split("/", 1)[1] for key in metrics if "val-core" in key and "/mean@" in key}
    return f"step {step}{total and '/'}{total}  {short(metrics, names) or short(metrics, validated)}"


def logged(directory: Path) -> Values:
    """The metrics that verl's file logger wrote; OpenRLHF has no such logger."""
    values: Values = {}
    for file in sorted(directory.glob("metrics-*.jsonl")):
        for line in whole_lines(file):
            record = json.loads(line)
            for key, value in record["data"].items():
                if isinstance(value, int | float):
                    values.setdefault(key, []).append((record["step"], value))
    return values


def summary(values: Values, shown: dict[str, str]) -> str:
    """A table of quality and diversity: the first and the last value of each metric."""
    validated = [key for key in values if key.startswith("val-core/") and ("/mean@" in key or "/distinct" in key)]
    names = {key: key.split("/", 1)[1] for key in validated}
    names |= {key: label for key, label in shown.items() if key in values and label != "seconds"}
    rows = [f"  {'':40} {'first':>8} {'last':>8}"]
    for key, label in names.items():
        (first_step, first), (last_step, last) = values[key][0], values[key][-1]
        rows.append(f"  {label:40} {first:8.3f} {last:8.3f}   (steps {first_step} and {last_step})")
    return "\n".join(rows)


def main(directory: Path, trainer: Trainer = VERL) -> int:
    # the output contains the policy's responses, which may be invalid UTF-8
    sys.stdin.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    log = directory / "train.log"
    print(f"starting Ray, vLLM and {trainer.name}: a minute or two; full output: {log}", flush=True)
    status, last, said = follow(log, trainer)
    if status == 2 and (refused := REFUSED.search(last)):
        print(last[refused.start() :].split(f"\n{ENDED}")[0].strip())
        return 2
    if status:
        print(f"{last}the run failed; full output: {log}")
        return 1
    # if the user sets trainer.logger, there may be no metrics file
    if values := logged(directory) or (said if trainer is OPENRLHF else {}):
        print(summary(values, trainer.shown))
    print(f"metrics, log, samples and checkpoints: {directory}")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), TRAINERS[sys.argv[2] if len(sys.argv) > 2 else "verl"]))
