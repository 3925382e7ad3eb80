"""Each patch of upstream/verl applies to verl as it is installed, alone and with the others, and the tests that it brings pass."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

verl = pytest.importorskip("verl")
ROOT = Path(__file__).parents[2]
PATCHES = sorted((ROOT / "upstream/verl").glob("*.patch"))

pytestmark = pytest.mark.slow


def copied(place):
    """verl as it is installed."""
    shutil.copytree(Path(verl.__file__).parent, place / "verl", ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run(["git", "init", "-q"], cwd=place, check=True)
    return place


@pytest.fixture(scope="module")
def patched(tmp_path_factory):
    """A copy with all patches."""
    place = copied(tmp_path_factory.mktemp("verl"))
    for patch in PATCHES:
        subprocess.run(["git", "apply", patch], cwd=place, check=True)
    return place


def test_each_applies_alone(tmp_path):
    copy = copied(tmp_path)
    assert len(PATCHES) == 4
    for patch in PATCHES:
        done = subprocess.run(["git", "apply", "--check", patch], cwd=copy, capture_output=True, text=True)
        assert done.returncode == 0, f"{patch.name}: {done.stderr}"


def test_all_apply_together_and_their_tests_pass(patched):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"],
        cwd=patched,
        env=os.environ | {"PYTHONPATH": str(patched), "VERL_USE_EXTERNAL_PLUGINS": "none"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert "12 passed" in done.stdout


def test_our_estimators_take_their_batch_from_a_verl_that_hands_it_over(patched):
    """With 0004 no private method is wrapped, and tests of the estimators pass."""
    environment = os.environ | {"PYTHONPATH": f"{patched}{os.pathsep}{ROOT}"}
    asked = (
        "import verl, inspect\n"
        "from verl.trainer.ppo.v1 import trainer_base\n"
        "from dqo_verl.integrations.verl import probe, seam\n"
        "print(verl.__file__, seam.hands_batch_over(trainer_base))\n"
        "print('wrapped', hasattr(trainer_base.PPOTrainer._compute_advantage, '__wrapped__'))\n"
        "probe.refuse_moved(probe.Verl.here(), True), probe.refuse_moved(probe.Verl.here(), False)\n"
    )
    said = subprocess.run([sys.executable, "-c", asked], env=environment, cwd=ROOT, capture_output=True, text=True)
    assert said.returncode == 0, said.stderr[-3000:]
    assert said.stdout.splitlines()[-2:] == [f"{patched}/verl/__init__.py True", "wrapped False"]
    tests = [
        "tests/integrations/verl/test_estimator.py",
        "tests/integrations/verl/test_batch_trainers.py",
        "-k=padding or several_outputs or what_the_reward_reports or kl_in_the_reward or same_numbers or maxrl",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout.splitlines()[-1]
