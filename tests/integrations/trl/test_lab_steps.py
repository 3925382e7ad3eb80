"""The lab takes the steps that TRL's trainer takes: the same advantages, the same loss, the same gradients."""

from types import SimpleNamespace

import pytest
import torch
from trl import GRPOTrainer

from dqo_verl.lab.forest import Forest
from dqo_verl.lab.loss import Tokens, policy_loss
from dqo_verl.lab.network import Network
from dqo_verl.lab.training import advantages
from dqo_verl.models.embedder import Embedder
from dqo_verl.trl import Diversity, with_diversity
from experiments.lab.rows import ROWS
from tests.integrations.trl.conftest import GROUP, make_trainer, quality, watch

pytestmark = pytest.mark.e2e
WATCHED = "model.layers.2.mlp.down_proj.weight"


@pytest.fixture(scope="module")
def trained(policy_and_embedder):
    """A trainer after one generation and two updates, what it generated, and each update as it was."""
    policy, embedder = policy_and_embedder
    # the token mean, and both bounds of the ratio, as in verl; the rate makes the second update an off-policy one
    typed = {"loss_type": "bnpo", "epsilon": 0.2, "delta": 3.0, "learning_rate": 1e-2}
    diversity = Diversity("dqo", alpha=1.0, embedder=str(embedder))
    trainer = make_trainer(policy, with_diversity(GRPOTrainer), diversity, **typed)
    seen, updates = watch(trainer), []
    compute_loss = trainer.compute_loss

    def compute_and_look(model, inputs, *args, **kwargs):
        loss = compute_loss(model, inputs, *args, **kwargs)
        (gradient,) = torch.autograd.grad(loss, model.get_parameter(WATCHED), retain_graph=True)
        updates.append(
            SimpleNamespace(network=Network.of(model).copy(), inputs=inputs, loss=loss.item(), gradient=gradient)
        )
        return loss

    trainer.compute_loss = compute_and_look
    trainer.train()
    return trainer, seen, updates


def test_advantages(trained, policy_and_embedder):
    _, seen, _ = trained
    embedder = Embedder(str(policy_and_embedder[1]))
    task = SimpleNamespace(embed=lambda texts, seed: torch.from_numpy(embedder(texts)[0]))
    row = ROWS["dqo_1"]
    assert row.k == GROUP
    scores = torch.tensor(quality(seen["completions"]))
    found = advantages(seen["completions"], scores, row, row.settings(task), None, task, 0)
    torch.testing.assert_close(found, torch.tensor(seen["logged"]), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("number", [0, 1])
def test_loss_and_gradient(trained, number):
    _, _, updates = trained
    update = updates[number]
    forest, edges, worth, old = Forest(), [], [], []
    inputs = update.inputs
    for row, advantage in enumerate(inputs["advantages"].tolist()):
        prompt = inputs["prompt_ids"][row][inputs["prompt_mask"][row].bool()].tolist()
        mask = inputs["completion_mask"][row].bool()
        response = inputs["completion_ids"][row][mask].tolist()
        edges += forest.add_response(forest.add_prompt(prompt), response)
        worth += [advantage] * len(response)
        if inputs.get("old_per_token_logps") is not None:
            old += inputs["old_per_token_logps"][row][mask].tolist()
    log_probs, _ = forest.planted().log_probs(update.network)
    before = torch.tensor(old) if old else log_probs[edges].detach()
    loss = policy_loss(log_probs, Tokens(torch.tensor(edges), torch.tensor(worth), before))
    assert loss.item() == pytest.approx(update.loss, abs=1e-5)
    loss.backward()
    torch.testing.assert_close(update.network.weights["2.down"].grad, update.gradient, atol=1e-5, rtol=1e-3)
    ratio = (log_probs[edges] - before).exp()
    assert (ratio.sub(1).abs().max() > 0.2) == (number == 1), "only the second update leaves the policy that answered"
