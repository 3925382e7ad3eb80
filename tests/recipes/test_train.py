"""Recipes as a user runs them, on the tiny profile, two steps each: Ray, FSDP2, vLLM, reward models, critic, classifier.

pytest tests/recipes/test_train.py              one of each kind
pytest tests/recipes/test_train.py --weekly     every one, about two minutes a run; of each sweep a few runs
"""

import json
import math
import os
import signal
import subprocess
from pathlib import Path

import pytest

RECIPES = Path(__file__).parents[2] / "recipes"
SCRIPTS = sorted(
    path.name for path in RECIPES.glob("[!_]*.sh") if not path.name.startswith(("toy", "classifier", "gpu_check"))
)
WITHOUT_RAY = {"toy_city.sh": "map.svg", "classifier_chat_modernbert.sh": "held_out.json"}
KINDS = {
    "dqo_gsm8k_qwen.sh": "a rule and an embedder",
    "dqo_dolly_llama.sh": "a critic and a served reward model",
    "darling_wildchat_llama8b.sh": "a reward model in process and a classifier",
}
# another worth of the reward, and no diversity
MEASURES_NOTHING = {f"baseline_gsm8k_{credit}.sh" for credit in ("focal", "maxrl", "pkpo")}
# few runs of each sweep, few samples
KNOBS = {
    "demo_collapse.sh": {"ROWS": "dqo"},
    "ablation_alpha_k.sh": {"SCRIPTS": "dqo_gsm8k_qwen", "ALPHAS": "2", "KS": ""},
    "pareto_temperature.sh": {"TEMPERATURES": "1.0", "N": "2"},
    "reproduce_gsm8k.sh": {"ROWS": "grpo dqo", "SEEDS": "1", "N": "2"},
}
SECONDS_PER_RUN, MOST_RUNS = 600, 6

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(SECONDS_PER_RUN * MOST_RUNS)]


def pytest_generate_tests(metafunc):
    every = metafunc.config.getoption("--weekly")
    if metafunc.function is test_it_trains:
        metafunc.parametrize("script", SCRIPTS if every else KINDS)
    else:
        metafunc.parametrize("script", WITHOUT_RAY if every else [])


def run(script: str, out: Path, cache: Path, *typed: str) -> str:
    """Its output. Whatever is left of it when it fails or takes too long is ended."""
    ours = {"PROFILE": "cpu", "OUT": str(out), "DQO_VERL_CACHE": str(cache), "STEPS": "2"}
    process = subprocess.Popen(
        ["bash", RECIPES / script, *typed],
        env=os.environ | KNOBS.get(script, {}) | ours,
        cwd=out.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        said, _ = process.communicate(timeout=SECONDS_PER_RUN * MOST_RUNS - 60)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    logs = "".join(log.read_text(errors="replace")[-4000:] for log in out.rglob("train.log"))
    assert process.returncode == 0, said[-4000:] + logs
    return said


def test_it_trains(script, tmp_path, taught):
    out = tmp_path / "out"
    said = run(script, out, taught, *([] if script.startswith("pareto") else ["trainer.val_before_train=False"]))
    if script.startswith("pareto"):
        (evaluated,) = out.glob("tiny/t1.0.evaluation/metrics.json")
        assert json.loads(evaluated.read_text())
        return
    files = sorted(out.rglob("metrics-*.jsonl"))
    assert files, said[-4000:]
    for file in files:
        records = [json.loads(line) for line in file.read_text().splitlines()]
        steps = {record["step"]: record["data"] for record in records if "timing_s/step" in record["data"]}
        assert list(steps) == [1, 2]
        shaped = "responses per prompt, on " in (file.parent / "train.log").read_text()
        assert shaped or script not in MEASURES_NOTHING
        for metrics in steps.values():
            assert math.isfinite(metrics["critic/score/mean"])
            assert math.isfinite(metrics["actor/grad_norm"])
            assert metrics.get("diversity/missing_responses", 0) == 0
            assert ("diversity/score/mean" in metrics) == (shaped and script not in MEASURES_NOTHING)
        assert any(metrics["actor/grad_norm"] > 0 for metrics in steps.values())
        assert (file.parent / "validation/2.jsonl").stat().st_size > 0


def test_it_runs(script, tmp_path, taught):
    out = tmp_path / "out"
    typed = ["--seeds", "2", "--steps", "20"] if script.startswith("toy") else []
    run(script, out, taught, *typed)
    assert (out / WITHOUT_RAY[script]).stat().st_size > 0
