"""`dqo-verl demo`: everything that a newcomer sees, on a policy that has hardly been taught."""

import json
from pathlib import Path

import pytest

from dqo_verl.cli import parse
from dqo_verl.evaluation import demo
from dqo_verl.evaluation.bad_data import Problems
from dqo_verl.evaluation.rows import read_groups
from dqo_verl.lab import policies
from dqo_verl.lab.tasks import Sums
from dqo_verl.lab.training import Row

METHODS = {
    "grpo": Row(std=True, steps=2),
    "dqo": Row({"method": "dqo"}, steps=2),
    "darling": Row({"method": "darling"}, steps=2),
}


@pytest.mark.slow
def test_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(policies, "ENOUGH", 0.0)
    monkeypatch.setattr(Sums, "lessons", 5)
    monkeypatch.setattr(demo, "METHODS", METHODS)
    monkeypatch.setattr(demo, "EVERY", 1)
    parse(["demo", "--out", str(tmp_path)]).run()
    said = capsys.readouterr().out.splitlines()
    for step in range(3):
        (row,) = [line for line in said if line.startswith(f"{step:4} ")]
        assert len(row.split()) == 1 + 2 * len(METHODS)
    assert any(line.strip().startswith("before") and "%" in line for line in said)
    assert any("algorithm.adv_estimator=dqo" in line for line in said)
    groups = read_groups([tmp_path / "dqo" / "answers.jsonl"], Problems(False))
    assert {(group.step, len(group.responses)) for group in groups} == {(step, demo.TRIES) for step in range(3)}
    assert len(groups) == 3 * 32
    page = (tmp_path / "report/index.html").read_text()
    assert "dqo against grpo" in page
    assert json.loads((tmp_path / "dqo/answers.evaluation/metrics.json").read_text())["slices"][0]["n"] == demo.TRIES


def test_the_picture() -> None:
    """The longest bar is as long as there is room; equal numbers have equal bars."""
    lines = demo.picture({"before": (0.7, 5.0), "grpo": (1.0, 1.0), "dqo": (0.9, 5.0)}).splitlines()
    bars = {line.split()[0]: line.count("#") for line in lines if "#" in line}
    assert bars == {"before": demo.BAR, "grpo": demo.BAR // 5, "dqo": demo.BAR}


def test_wrong_answers_are_in_brackets() -> None:
    told = demo.ten_answers({"grpo": {"prompt": "47 =", "responses": ["5+42", "1+1"], "scores": [1.0, 0.0]}})
    assert "(1+1) 5+42" in told
