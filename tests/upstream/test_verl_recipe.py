"""The scripts for verl-recipe compose with verl's own config and pass verl's checks and ours, without Ray."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.composing import within_reach

pytest.importorskip("verl")
ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "upstream/verl-recipe/diversity"
GSM8K, MATH = "run_gsm8k_qwen2_5_1_5b.sh", "run_math_qwen3_4b.sh"
# method -> what the check says of it
SAYS = {
    "dqo": "reward + 1.0 x leave-one-out log-determinant",
    "diverse": "leave-one-out log-determinant",
    "darling": "reward x",
}


def check(folder, script, method, *typed, **knobs):
    """Started in `folder`, where Hydra leaves its log."""
    environment = os.environ | {"METHOD": method, "DQO_VERL_CHECK": "1", "NGPUS": "8", "PYTHONPATH": str(ROOT)} | knobs
    return subprocess.run(
        ["bash", RECIPE / script, *typed], env=environment, cwd=folder, capture_output=True, text=True
    )


@pytest.mark.slow
@pytest.mark.parametrize(("script", "method"), [(GSM8K, "dqo"), (GSM8K, "diverse"), (MATH, "darling")])
def test_a_method_composes_and_is_what_it_says(script, method, pair_classifier, tmp_path):
    done = check(tmp_path, script, method, *within_reach(), CLASSIFIER=str(pair_classifier))
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert SAYS[method] in done.stdout + done.stderr
    assert "without std division" in done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(("script", "method"), [(GSM8K, "grpo"), (MATH, "grpo_no_std")])
def test_a_baseline_is_verls_own_command(script, method, tmp_path):
    done = check(tmp_path, script, method)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "diversity" not in (done.stdout + done.stderr).lower().replace("project_name=diversity", "")


@pytest.mark.parametrize("script", [GSM8K, MATH])
def test_an_unknown_method_is_refused(script, tmp_path):
    done = check(tmp_path, script, "dqoo")
    assert (done.returncode, "METHOD=dqoo: choose grpo, grpo_no_std" in done.stderr) == (2, True)


def test_required_verl_is_what_the_package_was_tested_with():
    from dqo_verl.integrations.verl.probe import TESTED

    fields = dict(re.findall(r"^(\w+)=(.*)$", (RECIPE / "REQUIRED_VERL.txt").read_text(), re.M))
    assert (fields["MODE"], fields["TAG"]) == ("pinned_tag", f"v{TESTED}")
    assert fields["PIP_INSTALL"] == f'pip install "verl[vllm]=={TESTED}"'
    assert fields["UPSTREAM"].endswith("verl-project/verl.git")


@pytest.mark.parametrize(
    ("copy", "original"),
    [("engine.svg", "docs/hero_light.svg"), ("lab.svg", "experiments/lab/evidence/tradeoffs.svg")],
)
def test_pictures_are_those_of_the_evidence(copy, original):
    assert (RECIPE / "assets" / copy).read_bytes() == (ROOT / original).read_bytes()
