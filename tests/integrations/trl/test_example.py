"""What docs/trl.md and recipes/ show of TRL runs as it stands, on the tiny policy."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.e2e


@pytest.fixture
def quick_place(tmp_path, policy_and_embedder, monkeypatch):
    """A folder with a policy that was made before, so that nothing is taught here."""
    import shutil

    from experiments.tiny.model import write_data

    shutil.copytree(policy_and_embedder[0], tmp_path / "runs/tiny/policy")
    write_data(
        tmp_path / "runs/tiny/train.parquet", "openai/gsm8k", [(f"What is {n} + 1?", str(n + 1)) for n in range(16)]
    )
    (tmp_path / "runs/tiny/complete").touch()
    return tmp_path


def run(code, place):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.run([sys.executable, "-c", code], cwd=place, env=environment, capture_output=True, text=True)


def test_the_example(quick_place):
    code = (ROOT / "recipes/trl_dqo_gsm8k.py").read_text()
    assert '"max_steps": 60' in code
    done = run(code.replace('"max_steps": 60', '"max_steps": 2'), quick_place)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "[dqo_verl] reward + 1.0 x leave-one-out log-determinant of all-MiniLM-L6-v2 embeddings" in done.stdout


def test_the_notebook(quick_place):
    cells = json.loads((ROOT / "recipes/trl_dqo.ipynb").read_text())["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    assert '"max_steps": 20' in code
    done = run(code.replace('"max_steps": 20', '"max_steps": 5'), quick_place)
    assert done.returncode == 0, done.stderr[-3000:]
    bonuses = [float(line[:5]) for line in done.stdout.splitlines()[:4]]
    assert max(bonuses) == bonuses[3]
    assert "rewards/correct/mean" in done.stdout
    assert "step 5" in done.stdout
