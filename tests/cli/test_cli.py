"""The command line as a whole; what each command does is tested beside the code that it runs."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from dqo_verl.check import Check
from dqo_verl.classifier import cli as classifier
from dqo_verl.classifier.settings import TrainSettings
from dqo_verl.cli import NAMES, main, parse
from dqo_verl.data.cli import Command as Prepare
from dqo_verl.doctor.cli import Doctor
from dqo_verl.errors import UserError
from dqo_verl.evaluation.cli import Demo, Evaluate, Report, Sample
from dqo_verl.evaluation.metrics.options import Options
from dqo_verl.evaluation.sample.options import Sampling

# a command line with nothing but what must be typed -> the same in Python
SHORTEST = {
    "demo": Demo(out=Path("demo"), seed=1),
    "check": Check(),
    "doctor": Doctor(),
    "prepare gsm8k": Prepare("gsm8k"),
    "sample --model m --prompts p.jsonl --out o.jsonl": Sample("m", Path("p.jsonl"), Path("o.jsonl")),
    "evaluate a.jsonl b": Evaluate((Path("a.jsonl"), Path("b"))),
    "report a x=b": Report(("a", "x=b")),
    "classifier train --source a b:test --out o": classifier.Train(("a", "b:test"), Path("o")),
    "classifier evaluate c --source a": classifier.Evaluate("c", ("a",)),
    "classifier label t --out o.jsonl --model m --endpoint u": classifier.Label(
        (Path("t"),), Path("o.jsonl"), "m", "u"
    ),
}
HELPS = [[], ["classifier"], *(name.split() for name in NAMES.values())]


@pytest.mark.parametrize(("typed", "command"), SHORTEST.items())
def test_defaults_are_those_of_the_dataclass(typed, command):
    assert parse(typed.split()) == command


def test_every_command_is_tested():
    assert {type(command) for command in SHORTEST.values()} == set(NAMES)


def test_nested_settings_have_their_own_defaults():
    assert parse(["evaluate", "a"]).metrics == Options()
    assert parse(["sample", "--model", "m", "--prompts", "p", "--out", "o"]).sampling == Sampling()
    assert parse(["classifier", "train", "--source", "a", "--out", "o"]).training == TrainSettings()


def test_every_form_that_the_documents_show():
    typed = "sample --model m --prompts p --out o -n 3 --temperature 0.6 1.0 --engine tensor_parallel_size=2 dtype=auto"
    sample = parse([*typed.split(), "--chat-template-kwargs", '{"enable_thinking": false}', "--limit", "5"])
    assert (sample.sampling.n, sample.temperature, sample.limit) == (3, (0.6, 1.0), 5)
    assert sample.engine == ("tensor_parallel_size=2", "dtype=auto")
    assert sample.sampling.chat_template_kwargs == {"enable_thinking": False}
    evaluate = parse(["evaluate", "--good-at", "-1.5", "--skip-bad", "runs/a.jsonl", "runs/b", "--embedder", "none"])
    assert evaluate.inputs == (Path("runs/a.jsonl"), Path("runs/b"))
    assert evaluate.metrics == Options(good_at=-1.5, skip_bad=True, embedder="none")
    assert parse(["report", "x=a", "b", "--title", "two words", "--out", "o"]).title == "two words"
    train = parse(
        [
            "classifier",
            "train",
            "--source",
            "a",
            "--out",
            "o",
            "--threshold-by",
            "balanced_accuracy",
            "--steps",
            "3",
            "--steps",
            "4",
        ]
    )
    assert (train.threshold_by, train.training) == ("balanced_accuracy", replace(TrainSettings(), steps=4))


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("evaluate", "at least one is needed"),
        ("classifier train --source --out o", "at least one is needed"),
        ("evaluate a --nothing", "--nothing"),
        ("classifier train --source a --out o --prompt-tokens 2", "--prompt-tokens"),
        ("classifier train --source a --out o --precision int8", "int8"),
        ("sample --model m --prompts p --out o --chat-template-kwargs {x", "--chat-template-kwargs"),
    ],
)
def test_what_cannot_be_typed(typed, told, capsys):
    with pytest.raises(SystemExit) as ended:
        parse(typed.split())
    assert ended.value.code == 2
    assert told in "".join(capsys.readouterr())


@pytest.mark.parametrize("typed", HELPS, ids=" ".join)
def test_help_needs_none_of_the_large_libraries(typed):
    code = (
        "import sys; from dqo_verl.cli import main\n"
        f"sys.argv = {['dqo-verl', *typed, '--help']!r}\n"
        "try: main()\n"
        "finally: assert not {'torch', 'transformers', 'numpy', 'datasets', 'tqdm', 'verl'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "show this help message" in done.stdout


@pytest.mark.parametrize("typed", [name.split() for name in NAMES.values()], ids=" ".join)
def test_help_has_one_line_a_flag(typed, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "170")
    with pytest.raises(SystemExit):
        parse([*typed, "--help"])
    lines = capsys.readouterr().out.splitlines()
    flags_of_it = [line for line in lines if line.startswith("\N{BOX DRAWINGS LIGHT VERTICAL} -")]
    assert all("default: " in line or "(required)" in line for line in flags_of_it[1:])


def test_what_a_user_can_mend_is_one_message(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("sys.argv", ["dqo-verl", "evaluate", str(tmp_path / "missing.jsonl")])
    assert main() == 2
    told = capsys.readouterr()
    assert (
        told.err
        == f"dqo-verl evaluate: {tmp_path}/missing.jsonl: no such file, and no folder with .jsonl or .parquet files in it\n"
    )
    assert not told.out


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("evaluate FILE", "not a text in UTF-8"),
        ("sample --model m --out o --prompts FILE", "not a text in UTF-8"),
        ("sample --model m --out o --prompts FILE.parquet", "Parquet magic bytes not found"),
        ("evaluate a.jsonl --embedder none --score-with nowhere:f", "No module named 'nowhere'"),
        ("report FOLDER", "prompts.jsonl: No such file or directory"),
        ("sample --model m --out o --prompts . --engine x", "--engine x: write it as NAME=VALUE"),
    ],
)
def test_files_that_cannot_be_read_are_named(typed, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("FILE", "FILE.parquet"):
        Path(name).write_bytes(b"\xff\xfe\x00 no text, and no table either")
    Path("FOLDER").mkdir()
    Path("FOLDER/metrics.json").write_text('{"format": "dqo_verl evaluation 1"}')
    Path("a.jsonl").write_text('{"prompt": "p", "response": "r", "ground_truth": "1"}\n')
    with pytest.raises(UserError, match=re.escape(told)):
        parse(typed.split()).run()


def test_the_process_ends_with_that_status(tmp_path):
    command = [sys.executable, "-m", "dqo_verl.cli", "sample", "--model", "m", "--prompts", str(tmp_path / "p.parquet")]
    done = subprocess.run([*command, "--out", str(tmp_path / "o")], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (2, f"dqo-verl sample: {tmp_path}/p.parquet: no such file\n")
