"""Two processes that talk by gloo, with groups that are split between them: each response is compared with its whole group."""

import json
import os
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


@pytest.fixture(scope="module")
def processes(policy_and_embedder, tmp_path_factory):
    """What each of two processes has, and what they said."""
    from sentence_transformers import SentenceTransformer

    policy, embedder = policy_and_embedder
    place = tmp_path_factory.mktemp("processes")
    other = SentenceTransformer(str(embedder), device="cpu")
    torch.nn.init.normal_(other[0].embedding.weight)
    other.save(str(place / "other_embedder"))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    script = [ROOT / "tests/integrations/trl/in_two_processes.py", policy, embedder, place / "other_embedder", place]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [*command, *map(str, script)], capture_output=True, text=True, env=environment, cwd=place, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads((place / f"{rank}.json").read_text()) for rank in range(2)], done.stdout


@pytest.mark.parametrize(("scale", "alpha"), [("raw", 1.0), ("decoupled", 2.0)])
def test_a_split_group_is_compared_as_a_whole(processes, policy_and_embedder, scale, alpha):
    first, second = (process[scale] for process in processes[0])
    texts = first["completions"]
    assert len(texts) == 3 * GROUP
    assert texts == second["completions"]
    embeddings = torch.from_numpy(Embedder(str(policy_and_embedder[1]))(texts)[0])
    bonus = alpha * leave_one_out_logdet(embeddings, [row // GROUP for row in range(len(texts))])
    shaped = (torch.tensor(first["rewards"]["quality"]) + bonus).view(-1, GROUP)
    wanted = (shaped - shaped.mean(1, keepdim=True)).flatten()
    torch.testing.assert_close(torch.tensor(first["advantages"] + second["advantages"]), wanted, atol=1e-5, rtol=1e-4)
    assert first["logged"] == pytest.approx(wanted.tolist(), abs=1e-5)


def test_one_process_says_what_runs(processes):
    assert processes[1].count("8 responses per prompt, on GRPOTrainer") == 2


def test_processes_with_different_embedders_are_refused(processes):
    for process in processes[0]:
        assert "has loaded another embeddings model than process" in process["refused"]
