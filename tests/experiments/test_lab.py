"""The lab computes what it says: the network is transformers', the loss is verl's, the exam is exact."""

import math
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dqo_verl.lab.forest import Forest
from dqo_verl.lab.loss import Tokens, kl, policy_loss
from dqo_verl.lab.model import byte_tokenizer, new_policy
from dqo_verl.lab.network import Network
from dqo_verl.lab.policies import BARE, Exam, Start
from dqo_verl.lab.sampling import sample
from dqo_verl.lab.training import Row, advantages, group_advantages, measures, run
from experiments.lab.rows import ROWS
from experiments.lab.tasks import TASKS

SUMS = TASKS["sums"]
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def model_and_start():
    rng = random.Random(0)
    problems = SUMS.problems()
    corpus = [text for asked, truth in problems for text in (asked, SUMS.answer(rng, truth))]
    tokenizer = byte_tokenizer(corpus, vocab_size=400, chat_template=BARE)
    model = new_policy(tokenizer, 0)
    return model, Start(Network.of(model), tokenizer, problems)


def token_log_probs(model, prompt, response, temperature=1.0):
    """transformers' own."""
    logits = model(input_ids=torch.tensor([prompt + response])).logits[0] / temperature
    log_probs = logits.log_softmax(-1)[len(prompt) - 1 : -1]
    return log_probs[torch.arange(len(response)), response]


@pytest.mark.parametrize("temperature", [1.0, 1.3])
def test_a_forest_gives_what_transformers_gives(model_and_start, temperature):
    model, start = model_and_start
    forest, wanted, paths = Forest(), [], []
    for asked, truth in start.problems[:4]:
        prompt = start.prompt(asked)
        root = forest.add_prompt(prompt)
        for (text,) in SUMS.right(truth):
            paths.append(forest.add_response(root, start.response(text)))
            wanted.append(token_log_probs(model, prompt, start.response(text), temperature))
    got, _ = forest.planted().log_probs(start.network, temperature)
    for path, log_probs in zip(paths, wanted, strict=True):
        torch.testing.assert_close(got[path], log_probs, atol=2e-5, rtol=1e-4)


def test_gradients_are_those_of_transformers(model_and_start):
    model, start = model_and_start
    network = start.network.copy()
    asked, truth = start.problems[0]
    prompt, forest, edges = start.prompt(asked), Forest(), []
    root = forest.add_prompt(prompt)
    model.zero_grad()
    for (text,) in SUMS.right(truth):
        edges += forest.add_response(root, start.response(text))
        token_log_probs(model, prompt, start.response(text)).sum().backward()
    forest.planted().log_probs(network)[0][edges].sum().backward()
    for name, weight in (
        ("embedding", model.model.embed_tokens.weight),
        ("2.down", model.model.layers[2].mlp.down_proj.weight),
    ):
        torch.testing.assert_close(network.weights[name].grad, weight.grad, atol=1e-4, rtol=1e-3)


def test_sampled_log_probabilities_are_those_of_the_forest(model_and_start):
    _, start = model_and_start
    prompts = [start.prompt(asked) for asked, _ in (start.problems[0], start.problems[95])]
    assert len(prompts[0]) != len(prompts[1])
    end = start.tokenizer.eos_token_id
    drawn = sample(start.network, prompts, 6, end, torch.Generator().manual_seed(0), longest=10, temperature=1.2)
    forest = Forest()
    roots = [forest.add_prompt(prompt) for prompt in prompts]
    paths = [forest.add_response(roots[i // 6], one.tokens) for i, one in enumerate(drawn)]
    got, _ = forest.planted().log_probs(start.network, 1.2)
    for path, one in zip(paths, drawn, strict=True):
        torch.testing.assert_close(got[path], torch.tensor(one.log_probs), atol=2e-5, rtol=1e-4)
        assert one.tokens.index(end) == len(one.tokens) - 1 if end in one.tokens else len(one.tokens) == 10


def test_sampling_follows_the_policy(model_and_start):
    _, start = model_and_start
    prompt = start.prompt(start.problems[0][0])
    drawn = sample(start.network, [prompt], 4000, -1, torch.Generator().manual_seed(0), longest=1)
    counts = torch.bincount(torch.tensor([one.tokens[0] for one in drawn]), minlength=len(start.tokenizer))
    forest = Forest()
    root = forest.add_prompt(prompt)
    for token in range(len(start.tokenizer)):
        forest.add_response(root, [token])
    probabilities = forest.planted().log_probs(start.network)[0].exp()
    assert probabilities.sum().item() == pytest.approx(1, abs=1e-4)
    assert (counts / 4000 - probabilities).abs().max() < 0.02


def test_the_exam_adds_up_the_wordings(model_and_start):
    model, start = model_and_start
    task = TASKS["wordings"]
    (asked, truth), *_ = start.problems
    found = Exam(start, task, [(asked, truth)])(start.network)
    wanted = [
        sum(token_log_probs(model, start.prompt(asked), start.response(text)).sum().exp().item() for text in same)
        for same in task.right(truth)
    ]
    assert found.shape == (1, 4)
    assert found[0].tolist() == pytest.approx(wanted, rel=1e-3)


@given(
    st.lists(st.floats(-3, 3), min_size=2, max_size=8),
    st.integers(0, 2**31),
)
def test_the_loss_is_verls(earned, seed):
    core_algos = pytest.importorskip("verl.trainer.ppo.core_algos")
    from verl.workers.config import ActorConfig

    torch.manual_seed(seed)
    old, new = torch.randn(2, len(earned)).clamp(-2, 2)
    config = ActorConfig(
        strategy="fsdp", rollout_n=1, ppo_micro_batch_size_per_gpu=1, use_dynamic_bsz=True, clip_ratio_c=3.0
    )
    wanted, _ = core_algos.compute_policy_loss_vanilla(
        old[None], new[None], torch.tensor([earned]), torch.ones(1, len(earned)), "token-mean", config
    )
    got = policy_loss(new, Tokens(torch.arange(len(earned)), torch.tensor(earned), old))
    assert got.item() == pytest.approx(wanted.item(), abs=1e-5)
    penalty = core_algos.kl_penalty(new, old, "low_var_kl").mean()
    assert kl(new, old, Tokens(torch.arange(len(earned)), torch.tensor(earned), old)).item() == pytest.approx(
        penalty.item(), abs=1e-5
    )


@pytest.mark.parametrize("std", [True, False])
def test_advantages_are_verls(std):
    core_algos = pytest.importorskip("verl.trainer.ppo.core_algos")
    import numpy as np

    reward = torch.randn(12)
    groups = np.array([i // 4 for i in range(12)])
    wanted, _ = core_algos.compute_grpo_outcome_advantage(
        reward[:, None], torch.ones(12, 1), groups, norm_adv_by_std_in_grpo=std
    )
    torch.testing.assert_close(group_advantages(reward, 4, std), wanted[:, 0], atol=1e-5, rtol=1e-5)


def test_measures_against_enumeration():
    """Two problems with two classes each, three samples: every outcome by its probability."""
    right = torch.tensor([[0.5, 0.2], [0.1, 0.0]], dtype=torch.float64)
    import itertools

    def expected(worth, n):
        total = 0.0
        for a, b in right.tolist():
            for drawn in itertools.product(((0, a), (1, b), (None, 1 - a - b)), repeat=n):
                total += math.prod(p for _, p in drawn) * worth({one for one, _ in drawn} - {None})
        return total / 2

    found = measures(right, torch.eye(2).double().expand(2, 2, 2))
    assert found["pass@1"] == pytest.approx(expected(bool, 1), abs=1e-5)
    assert found["pass@4"] == pytest.approx(expected(bool, 4), abs=1e-5)
    ten = (1 - (1 - right) ** 10).sum(-1).mean().item()
    assert found["distinct@10"] == pytest.approx(ten, abs=1e-5)
    assert expected(len, 3) == pytest.approx((1 - (1 - right) ** 3).sum(-1).mean().item())
    assert found["answers"] == pytest.approx(2 / ((0.5**2 + 0.2**2) / 0.7**2 + 1), abs=1e-5)
    even, alike = torch.full((3, 12), 0.05).double(), torch.eye(12).double().expand(3, 12, 12)
    assert measures(even, alike)["kept"] == pytest.approx(1)
    assert measures(even, alike)["answers"] == pytest.approx(12)
    assert measures(even, (alike + 1) / 2)["answers"] == pytest.approx(24 / 13, abs=1e-5)


def test_every_row_is_a_setting_that_the_package_knows():
    for name, row in ROWS.items():
        settings = row.settings(SUMS)
        assert (settings is None) == (not row.diversity), name


def test_noise_is_as_large_as_it_says():
    """One pair in five of different answers looks the same, for every seed alike."""
    texts = [text for truth in ("50", "60", "70") for (text,) in SUMS.right(truth)]
    shares = []
    for seed in range(20):
        e = TASKS["noisy"].embed(texts, seed)
        same = (e @ e.T).fill_diagonal_(0)
        shares.append(same.sum().item() / (len(texts) * (len(texts) - 1)))
    assert sum(shares) / 20 == pytest.approx(0.2, abs=0.03)


def test_wordings_hardly_count_for_its_embedder():
    a, b, c = TASKS["wordings"].embed(["2+30", "2 plus 30", "5+27"], 0)
    assert a @ b > 0.85
    assert abs(a @ c) < 0.25


@pytest.mark.parametrize("name", ["sums", "wordings"])
def test_wordings_of_one_answer_are_one_class_and_different_answers_are_not(name):
    task = TASKS[name]
    for _, truth in task.problems()[::8]:
        right = task.right(truth)
        texts = [text for same in right for text in same]
        answer = torch.tensor([i for i, same in enumerate(right) for _ in same])
        vectors = task.embed(texts, 0)
        torch.testing.assert_close(vectors.norm(dim=1), torch.ones(len(texts)))
        assert torch.equal(vectors @ vectors.T > task.same_above, answer[:, None] == answer)


@pytest.mark.parametrize("name", sorted(TASKS))
def test_teachers_and_rewards(name):
    task, rng = TASKS[name], random.Random(0)
    scale = 100 if name == "scaled" else 1
    for asked, truth in task.problems()[:5]:
        answers = [task.answer(rng, truth) for _ in range(200)]
        rights = {text for same in task.right(truth) for text in same}
        share = sum(text in rights for text in answers) / 200
        assert 0.4 < share < 0.9, asked
        assert all(task.reward(text, truth, rng) > 0.5 * scale for text in rights)
        wrong = [text for text in answers if text not in rights]
        assert sum(task.reward(text, truth, rng) for text in wrong) / len(wrong) < 0.65 * scale


@pytest.mark.slow
def test_a_run_moves_towards_reward_and_can_be_made_again(model_and_start):
    """From random weights, a few steps on a reward that is easy: a text that begins with 1."""
    _, start = model_and_start

    class StartsWithOne(type(SUMS)):
        def reward(self, text, truth, rng):
            return float(text.startswith("1"))

    row = Row(ROWS["dqo_1"].diversity, steps=10, prompts=8)
    first = run(StartsWithOne(), start, row, seed=1)
    assert list(first) == [0, 10]
    assert first == run(StartsWithOne(), start, row, seed=1)
    assert first != run(StartsWithOne(), start, row, seed=2)


def test_without_weight_shaping_is_plain_grpo(model_and_start):
    texts = ["1+2", "2+1", "1+2", "9+9"] * 2
    quality = torch.tensor([1.0, 1.0, 0.0, 0.0] * 2)
    plain = advantages(texts, quality, Row(std=True, k=4), None, None, SUMS, 0)
    row = Row({"method": "dqo", "alpha": 0.0}, std=True, k=4)
    assert torch.equal(plain, advantages(texts, quality, row, row.settings(SUMS), None, SUMS, 0))


@pytest.mark.slow
def test_a_sweep_leaves_out_the_runs_of_a_policy_that_did_not_learn(tmp_path):
    policies = tmp_path / "runs/lab/policies"
    policies.mkdir(parents=True)
    (policies / "one-s7.untaught").write_text("one, start policy 7: it did not learn")
    command = [sys.executable, "-m", "experiments.lab.sweep", "--tasks", "one", "--seeds", "7", "--processes", "1"]
    done = subprocess.run(
        [*command, "--rows", "grpo", "dqo_1", "--records-file", "records.parquet"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "one, start policy 7: it did not learn: 2 runs are left out" in done.stdout
