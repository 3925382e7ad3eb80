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


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    place = tmp_path_factory.mktemp("verl")
    shutil.copytree(Path(verl.__file__).parent, place / "verl", ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run(["git", "init", "-q"], cwd=place, check=True)
    return place


def test_each_applies_alone(copy):
    assert len(PATCHES) == 4
    for patch in PATCHES:
        done = subprocess.run(["git", "apply", "--check", patch], cwd=copy, capture_output=True, text=True)
        assert done.returncode == 0, f"{patch.name}: {done.stderr}"


def test_all_apply_together_and_their_tests_pass(copy):
    for patch in PATCHES:
        subprocess.run(["git", "apply", patch], cwd=copy, check=True)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"],
        cwd=copy,
        env=os.environ | {"PYTHONPATH": str(copy), "VERL_USE_EXTERNAL_PLUGINS": "none"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert "12 passed" in done.stdout
