"""The patch of upstream/openrlhf applies to OpenRLHF as it is installed, and OpenRLHF's tests of rewards pass with it."""

import re
import runpy
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "upstream/openrlhf"
pytestmark = pytest.mark.openrlhf


def test_it_applies_and_their_tests_of_rewards_pass(tmp_path):
    package = Path(find_spec("openrlhf").origin).parent
    # the wheel brings OpenRLHF's tests beside the package
    for folder in ("openrlhf", "tests"):
        shutil.copytree(package.parent / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run(["git", "apply", FOLDER / "shaping_path.patch"], cwd=tmp_path, check=True)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_reward_shaping.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert "35 passed" in done.stdout


def test_the_example_in_the_issue_adds_the_share_of_other_responses(tmp_path):
    (example,) = re.findall(r"```python\n(.*?)```", (FOLDER / "README.md").read_text(), re.S)
    (tmp_path / "shaping.py").write_text(example)
    shape_rewards = runpy.run_path(str(tmp_path / "shaping.py"))["shape_rewards"]
    tokenizer = SimpleNamespace(decode=lambda ids, skip_special_tokens: str(ids.tolist()))
    args = SimpleNamespace(rollout=SimpleNamespace(n_samples_per_prompt=3))
    # two groups, mixed: 0, 1, 2 say a, a, b; 3, 4, 5 say a, b, c
    texts = torch.tensor([[1], [1], [2], [1], [2], [3]])
    experiences = [
        SimpleNamespace(index=rows, sequences=texts[rows], rewards=torch.zeros(3)) for rows in ([5, 0, 3], [1, 4, 2])
    ]
    shape_rewards(experiences, args, tokenizer)
    found = {i: one.rewards[row].item() for one in experiences for row, i in enumerate(one.index)}
    assert found == {0: 0.5, 1: 0.5, 2: 1.0, 3: 1.0, 4: 1.0, 5: 1.0}
