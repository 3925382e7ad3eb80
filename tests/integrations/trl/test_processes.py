"""Two processes that talk by gloo, with groups that are split between them: each response is compared with its whole group."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from dqo_verl import leave_one_out_logdet
from dqo_verl.models.embedder import Embedder
from tests.integrations.trl.conftest import GROUP

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.e2e


def two_processes(policy, embedder, out, **settings):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    script = [str(ROOT / "tests/integrations/trl/in_two_processes.py"), policy, embedder, out, json.dumps(settings)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.run([*command, *map(str, script)], capture_output=True, text=True, env=environment, cwd=out)


@pytest.mark.parametrize("settings", [{}, {"scale": "decoupled", "alpha": 2.0}])
def test_a_split_group_is_compared_as_a_whole(policy_and_embedder, tmp_path, settings):
    policy, embedder = policy_and_embedder
    done = two_processes(policy, embedder, tmp_path, **settings)
    assert done.returncode == 0, done.stderr[-3000:]
    first, second = (json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(2))
    texts = first["completions"]
    assert len(texts) == 3 * GROUP
    assert first["completions"] == second["completions"]
    embeddings = torch.from_numpy(Embedder(str(embedder))(texts)[0])
    bonus = settings.get("alpha", 1.0) * leave_one_out_logdet(embeddings, [row // GROUP for row in range(len(texts))])
    shaped = (torch.tensor(first["rewards"]["quality"]) + bonus).view(-1, GROUP)
    wanted = (shaped - shaped.mean(1, keepdim=True)).flatten()
    torch.testing.assert_close(torch.tensor(first["advantages"] + second["advantages"]), wanted, atol=1e-5, rtol=1e-4)
    assert first["logged"] == pytest.approx(wanted.tolist(), abs=1e-5)
    # one process says what runs
    assert done.stdout.count("8 responses per prompt, on GRPOTrainer") == 1


def test_processes_with_different_embedders_are_refused(policy_and_embedder, tmp_path):
    from sentence_transformers import SentenceTransformer

    policy, embedder = policy_and_embedder
    shutil.copytree(embedder, tmp_path / "embedder0")
    other = SentenceTransformer(str(embedder), device="cpu")
    torch.nn.init.normal_(other[0].embedding.weight)
    other.save(str(tmp_path / "embedder1"))
    done = two_processes(policy, tmp_path / "embedder{rank}", tmp_path)
    assert done.returncode != 0
    assert "has loaded another embeddings model than process" in done.stderr
