"""`DiverseReward`: the same shaping as one plain reward function, for whole groups."""

import asyncio
import pickle
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from trl import GRPOTrainer

from dqo_verl import UserError, leave_one_out_logdet
from dqo_verl.loading import LOADED
from dqo_verl.models.embedder import Embedder
from dqo_verl.trl import DiverseReward, Diversity, with_diversity
from tests.integrations.trl.conftest import make_trainer, quality, watch

PROMPTS = ["name a fruit:"] * 4 + ["name a bird:"] * 4
SAID = ["apple", "apple", "pear", "", "owl", "swan", "swan", "crow"]
GROUPS = [0] * 4 + [1] * 4


async def answered(completions, **_):
    await asyncio.sleep(0)
    return quality(completions)


def most(completions, **_):
    return [None if text == "pear" else 1.0 for text in completions]


@pytest.fixture
def dqo(policy_and_embedder):
    return Diversity("dqo", embedder=str(policy_and_embedder[1]), alpha=0.5)


@pytest.fixture
def bonus(policy_and_embedder):
    """What DQO gives to texts in groups of four."""
    embedder = Embedder(str(policy_and_embedder[1]))

    def of(texts, groups):
        return 0.5 * leave_one_out_logdet(torch.from_numpy(embedder(texts)[0]), groups)

    return of


@pytest.mark.parametrize("function", [quality, answered])
def test_quality_and_its_bonus(dqo, bonus, function):
    reward = DiverseReward(function, dqo, num_generations=4)
    wanted = torch.tensor(quality(SAID)) + bonus(SAID, GROUPS)
    assert reward(prompts=PROMPTS, completions=SAID, truth=PROMPTS) == pytest.approx(wanted.tolist(), abs=1e-6)
    assert reward.__name__ == function.__name__


def test_it_works_beside_a_notebooks_loop(dqo):
    reward = DiverseReward(answered, dqo, num_generations=4)

    async def cell():
        return reward(prompts=PROMPTS, completions=SAID)

    assert len(asyncio.run(cell())) == len(SAID)


def test_a_response_without_a_reward_stays_without(dqo, bonus):
    scored = [row for row, text in enumerate(SAID) if text != "pear"]
    given = DiverseReward(most, dqo, num_generations=4)(prompts=PROMPTS, completions=SAID)
    wanted = 1 + bonus([SAID[row] for row in scored], [GROUPS[row] for row in scored])
    assert given[2] is None
    assert [given[row] for row in scored] == pytest.approx(wanted.tolist(), abs=1e-6)


def test_threads_and_processes_as_the_asynchronous_trainer_has_them(dqo, bonus):
    """It is pickled before its model is loaded, and called from several threads with a group each."""
    reward = pickle.loads(pickle.dumps(DiverseReward(quality, dqo, num_generations=4)))
    halves = [(PROMPTS[:4], SAID[:4]), (PROMPTS[4:], SAID[4:])] * 8
    with ThreadPoolExecutor(4) as pool:
        given = list(pool.map(lambda half: reward(prompts=half[0], completions=half[1]), halves))
    wanted = (torch.tensor(quality(SAID)) + bonus(SAID, GROUPS)).tolist()
    for half in range(16):
        assert given[half] == pytest.approx(wanted[4:] if half % 2 else wanted[:4], abs=1e-6)


def test_another_process_loads_a_measure_of_ones_own_from_its_file(tmp_path, monkeypatch, capsys):
    (tmp_path / "own.py").write_text(
        "from dqo_verl import Measure\n\nclass Long(Measure):\n    name = 'long'\n    reads = 'texts'\n\n"
        "    def __call__(self, groups):\n        return groups.each([[float(len(t)) for t in said] for said in groups.texts])\n"
    )
    pickled = pickle.dumps(DiverseReward(quality, Diversity(f"{tmp_path}/own.py:Long"), num_generations=4))
    assert "[dqo_verl] reward + 1.0 x long" in capsys.readouterr().out
    for name in [name for name in sys.modules if name.startswith(LOADED)]:
        monkeypatch.delitem(sys.modules, name)
    wanted = [reward + len(text) for reward, text in zip(quality(SAID), SAID, strict=True)]
    assert pickle.loads(pickled)(prompts=PROMPTS, completions=SAID) == wanted


@pytest.mark.parametrize("prompts", [PROMPTS[1:] + PROMPTS[:1], PROMPTS[:6]])
def test_a_split_group_is_refused(dqo, prompts):
    with pytest.raises(UserError, match="does not hold whole groups"):
        DiverseReward(quality, dqo, num_generations=4)(prompts=prompts, completions=SAID[: len(prompts)])


def test_decoupled_needs_the_trainer():
    with pytest.raises(UserError, match=r"need with_diversity\(GRPOTrainer\)"):
        DiverseReward(quality, Diversity("dqo", scale="decoupled"), num_generations=4)


def test_a_server_that_nobody_serves_is_named_at_once():
    nobody = Diversity("dqo", placement="http", urls=["http://127.0.0.1:9"])
    with pytest.raises(UserError, match=r"urls=\['http://127.0.0.1:9'\]: no server answers"):
        DiverseReward(quality, nobody, num_generations=4)(prompts=PROMPTS, completions=SAID)


def test_infinite_rewards_are_named(dqo):
    reward = DiverseReward(lambda completions, **_: [float("inf")] * len(completions), dqo, num_generations=4)
    with pytest.raises(FloatingPointError, match=r"reward of a response is inf .* 'apple'"):
        reward(prompts=PROMPTS, completions=SAID)


@pytest.mark.e2e
def test_in_the_trainer_it_gives_the_advantages_that_the_trainer_with_diversity_gives(policy_and_embedder):
    policy, embedder = policy_and_embedder
    diversity = Diversity("dqo", embedder=str(embedder))

    def trained(trainer_class, **typed):
        trainer = make_trainer(policy, trainer_class, **typed)
        seen = watch(trainer)
        trainer.train()
        return seen, trainer.state.log_history[0]

    whole, _ = trained(with_diversity(GRPOTrainer), diversity=diversity)
    function, logged = trained(GRPOTrainer, reward=DiverseReward(quality, diversity, num_generations=8))
    assert whole["completions"] == function["completions"]
    torch.testing.assert_close(whole["advantages"], function["advantages"], atol=1e-5, rtol=1e-5)
    assert logged["quality/mean"] == pytest.approx(sum(whole["rewards"]["quality"]) / 32)
    assert "diversity/score/mean" in logged


def test_a_target_needs_the_trainer(policy_and_embedder):
    diversity = Diversity("diverse", target=0.8, embedder=str(policy_and_embedder[1]))
    with pytest.raises(UserError, match="a reward function does not know when one ends: target needs with_diversity"):
        DiverseReward(quality, diversity, num_generations=4)
