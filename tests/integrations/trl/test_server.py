"""TRL's server mode: a real vLLM server generates, and the trainer's process shapes. Without a GPU its weights stay as they are."""

import pytest
import torch
from trl import GRPOTrainer

pytest.importorskip("vllm")

from dqo_verl import leave_one_out_logdet
from dqo_verl.integrations.cpu import vllm_build
from dqo_verl.models.embedder import Embedder
from dqo_verl.trl import Diversity, with_diversity
from tests.integrations.trl.conftest import COUNT, GROUP, make_trainer, quality, watch


def test_what_a_server_generated_is_shaped(policy_and_embedder, serve_vllm, monkeypatch):
    vllm_build.call_it_vllm()
    from trl.generation.vllm_client import VLLMClient

    # weights travel by NCCL, between GPUs
    monkeypatch.setattr(VLLMClient, "init_communicator", lambda self, device: None)
    monkeypatch.setattr(VLLMClient, "update_named_params", lambda self, *_: None)
    policy, embedder = policy_and_embedder
    (url,) = serve_vllm({"policy": policy}, runner="generate")
    trainer = make_trainer(
        policy,
        with_diversity(GRPOTrainer),
        Diversity("dqo", embedder=str(embedder)),
        use_vllm=True,
        vllm_mode="server",
        vllm_server_base_url=url,
        vllm_importance_sampling_correction=False,
    )
    seen = watch(trainer)
    trainer.train()
    embeddings = torch.from_numpy(Embedder(str(embedder))(seen["completions"])[0])
    bonus = leave_one_out_logdet(embeddings, [row // GROUP for row in range(COUNT)])
    shaped = (torch.tensor(quality(seen["completions"])) + bonus).view(-1, GROUP)
    wanted = (shaped - shaped.mean(1, keepdim=True)).flatten()
    torch.testing.assert_close(seen["advantages"], wanted, atol=1e-5, rtol=1e-4)
