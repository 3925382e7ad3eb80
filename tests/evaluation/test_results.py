"""Results are whole or not there, and one process at a time writes line by line."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from dqo_verl.errors import UserError
from dqo_verl.evaluation.metrics.evaluate import evaluate
from dqo_verl.evaluation.metrics.options import Options
from dqo_verl.evaluation.report.runs import load_run
from dqo_verl.results import appended, written


def test_an_error_leaves_what_was_there(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text("old")

    def fail() -> None:
        with written(file) as place:
            place.write("new")
            raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        fail()
    assert file.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    with written(file) as place:
        place.write("new")
    assert file.read_text() == "new"


def test_killed_while_writing_it_leaves_what_was_there(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text("old")
    code = f"""
import os, pathlib
from dqo_verl.results import written
with written(pathlib.Path({str(file)!r})) as place:
    place.write("new")
    place.flush()
    os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", code])
    assert file.read_text() == "old"


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    code = f"import pathlib; from dqo_verl.results import appended\nwith appended(pathlib.Path({str(file)!r})): pass"
    with appended(file) as lines:
        lines.write("{}\n")
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert "another process is writing to it" in done.stderr
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_rows_of_another_evaluation_are_refused(tmp_path: Path) -> None:
    """As a kill between the two files leaves them."""
    rows = [{"prompt": f"p{i}", "responses": ["a b", "c d"], "scores": [1, 0]} for i in range(3)]
    for name, some in (("one", rows), ("two", rows[:2])):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in some))
        evaluate([tmp_path / f"{name}.jsonl"], tmp_path / name, Options(classifier="exact", embedder="none"))
    assert len(load_run(str(tmp_path / "one")).slices) == 1
    (tmp_path / "two/prompts.jsonl").replace(tmp_path / "one/prompts.jsonl")
    with pytest.raises(UserError, match=r"one/prompts.jsonl does not match .*metrics.json"):
        load_run(str(tmp_path / "one"))
