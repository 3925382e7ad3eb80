"""The parts of recipes/gpu_check.sh that work without a GPU: the policy of real shape, the limits, the page."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from dqo_verl.core.defaults import MINILM
from dqo_verl.models.hub import locate
from experiments.gpu import page
from experiments.gpu.policy import build

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_a_policy_of_real_shape_is_made_and_read(tmp_path):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    build(tmp_path, layers=1, vocabulary=2000)
    words, model = (kind.from_pretrained(tmp_path / "policy") for kind in (AutoTokenizer, AutoModelForCausalLM))
    assert len(words) == model.config.vocab_size == 2000
    ids = words("hello there")["input_ids"]
    assert words.decode(ids) == "hello there"
    assert len(ids) < len("hello there"), "words of several letters are tokens"
    reader = AutoTokenizer.from_pretrained(locate(MINILM))
    written = torch.randint(300, 2000, (256,), generator=torch.Generator().manual_seed(0)).tolist()
    read = reader(words.decode(written), truncation=False)["input_ids"]
    assert len(read) > 128, "an embedder reads about as many tokens as the policy writes"
    assert (tmp_path / "gsm8k/train.parquet").exists()


@pytest.mark.slow
def test_limits_without_a_card():
    done = subprocess.run(
        [sys.executable, "-m", "experiments.gpu.limits", "8"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    rows = json.loads(done.stdout.splitlines()[-1])["rows"]
    assert {row["device"] for row in rows} == {"cpu"}
    assert all(row["ms"] > 0 for row in rows)
    assert all(row.get("difference to the CPU", 0) == 0 for row in rows)


def test_the_page(tmp_path):
    run = tmp_path / "runs/dqo"
    run.mkdir(parents=True)
    with (run / "metrics-1.jsonl").open("w") as file:
        for step, wait in enumerate((9.0, 9.0, 1.0, 2.0, 3.0), start=1):
            data = {"timing_s/step": 10.0, "timing_s/diversity": wait, "diversity/score/mean": step / 10}
            file.write(json.dumps({"step": step, "data": data}) + "\n")
    for name, status, log in (("limits", 0, "all well\n"), ("dqo", 0, "it ran\n"), ("sleep_wake", 1, "no room\n")):
        (tmp_path / f"{name}.status").write_text(f"{status} 7\n")
        (tmp_path / f"{name}.log").write_text(log)
    assert page.main(tmp_path) == 1
    found = json.loads((tmp_path / "gpu_check.json").read_text())
    assert [(one["name"], one["ok"]) for one in found["checks"]] == [
        ("limits", True),
        ("dqo", True),
        ("sleep_wake", False),
    ]
    told = found["checks"][1]["run"]
    assert told["diversity s"] == 2.0, "the first two steps warm up"
    assert told["wait %"] == 20.0
    assert told["diversity"] == 0.5
    text = (tmp_path / "gpu_check.md").read_text()
    assert "| sleep_wake" in text
    assert "FAILED" in text
    assert "no room" in text
    assert "all well" in text, "what has no run says its last lines"
    assert "it ran" not in text


def test_a_check_that_is_not_there_is_told():
    done = subprocess.run(
        ["bash", ROOT / "recipes/gpu_check.sh"],
        env={
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "HOME": str(Path.home()),
            "PROFILE": "cpu",
            "CHECKS": "dqoo",
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "there is no check dqoo. Checks: installation limits" in done.stderr
