"""GRPOTrainer and RLOOTrainer, the real ones, on CPU cores: what diversity adds, and that nothing else changes."""

import re

import pytest
import torch
from trl import GRPOTrainer, RLOOTrainer

from dqo_verl import UserError, distinct_fraction, leave_one_out_logdet
from dqo_verl.core.classes import cosine_same, same_class
from dqo_verl.core.credits.pass_at_k import Pkpo
from dqo_verl.evaluation.bad_data import Problems
from dqo_verl.evaluation.rows import read_groups
from dqo_verl.integrations.trl.shaping import said
from dqo_verl.models.embedder import Embedder
from dqo_verl.trl import Diversity, with_diversity
from tests.integrations.trl.conftest import COUNT, GROUP, PROMPTS, log_of, make_trainer, quality, watch

pytestmark = pytest.mark.e2e
GROUPS = [row // GROUP for row in range(COUNT)]


@pytest.fixture(scope="module")
def train(policy_and_embedder):
    """`train(class, method, ...)` -> (trainer, what its first generation gave), after two updates."""
    policy, embedder = policy_and_embedder

    def run(trainer_class, method="dqo", settings=None, **typed):
        diversity = Diversity(method, embedder=str(embedder), **(settings or {}))
        trainer = make_trainer(policy, with_diversity(trainer_class), diversity, **typed)
        seen = watch(trainer)
        trainer.train()
        return trainer, seen

    return run


@pytest.fixture(scope="module")
def embed(policy_and_embedder):
    embedder = Embedder(str(policy_and_embedder[1]))
    return lambda texts: torch.from_numpy(embedder(texts)[0])


def centred(values):
    values = values.double().view(-1, GROUP)
    return (values - values.mean(1, keepdim=True)).flatten()


def weights(trainer):
    return torch.cat([parameter.detach().flatten() for parameter in trainer.model.parameters()])


def test_without_weight_the_trainer_is_the_plain_one_bit_for_bit(policy_and_embedder, train):
    plain = make_trainer(policy_and_embedder[0], GRPOTrainer, scale_rewards="group", max_steps=6)
    start = weights(plain).clone()
    plain.train()
    measured, _ = train(GRPOTrainer, settings={"alpha": 0.0}, scale_rewards="group", max_steps=6)
    assert not torch.equal(weights(plain), start)
    assert torch.equal(weights(plain), weights(measured))
    assert "diversity/score/mean" in log_of(measured)[0]
    assert "rewards/diversity/mean" not in log_of(measured)[0]


def test_dqo_adds_its_bonus_to_the_reward_in_a_column_of_its_own(train, embed):
    trainer, seen = train(GRPOTrainer, settings={"alpha": 0.5})
    bonus = 0.5 * leave_one_out_logdet(embed(seen["completions"]), GROUPS)
    reward = torch.tensor(seen["rewards"]["quality"])
    torch.testing.assert_close(torch.tensor(seen["rewards"]["diversity"]), bonus)
    assert reward.tolist() == quality(seen["completions"])
    torch.testing.assert_close(seen["advantages"].double(), centred(reward + bonus), atol=1e-6, rtol=1e-5)
    first = log_of(trainer)[0]
    assert first["rewards/quality/mean"] == pytest.approx(reward.mean().item())
    assert first["rewards/diversity/mean"] == pytest.approx(bonus.mean().item())
    assert first["diversity/truncated/frac"] == 0.0


def test_decoupled_leaves_the_reward_alone_and_adds_to_the_advantage(train, embed):
    trainer, seen = train(GRPOTrainer, settings={"alpha": 4.0, "scale": "decoupled"}, scale_rewards="group")
    reward = torch.tensor(seen["rewards"]["quality"]).view(-1, GROUP)
    base = (reward - reward.mean(1, keepdim=True)) / (reward.std(1, keepdim=True) + 1e-4)
    wanted = base.flatten() + 4 * centred(leave_one_out_logdet(embed(seen["completions"]), GROUPS))
    torch.testing.assert_close(seen["advantages"].double(), wanted, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(torch.tensor(seen["logged"]).double(), wanted, atol=1e-5, rtol=1e-5)
    assert list(seen["rewards"]) == ["quality"]
    assert log_of(trainer)[0]["reward"] == pytest.approx(reward.mean().item())


def test_a_credit_stands_for_the_reward(policy_and_embedder):
    trainer = make_trainer(policy_and_embedder[0], with_diversity(GRPOTrainer), Diversity("pkpo", sets_of=2))
    seen = watch(trainer)
    trainer.train()
    reward = torch.tensor(seen["rewards"]["quality"])
    wanted = Pkpo(sets_of=2)(reward.view(-1, GROUP)).flatten()
    torch.testing.assert_close(seen["advantages"].double(), wanted.double(), atol=1e-5, rtol=1e-5)
    assert log_of(trainer)[0]["rewards/quality/mean"] == pytest.approx(reward.mean().item())


def test_an_advantage_is_weighed(train, embed):
    _, seen = train(GRPOTrainer, "uniqueness", {"threshold": 0.9, "partition": "components"})
    same = same_class(cosine_same(embed(seen["completions"]).view(-1, GROUP, 16), 0.9))
    wanted = centred(torch.tensor(seen["rewards"]["quality"])) / same.sum(-1).flatten()
    torch.testing.assert_close(seen["advantages"].double(), wanted.double(), atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(torch.tensor(seen["logged"]).double(), wanted.double(), atol=1e-6, rtol=1e-5)


def test_darling_multiplies(train, embed):
    _, seen = train(GRPOTrainer, "darling", {"threshold": 0.9, "partition": "components"})
    same = cosine_same(embed(seen["completions"]).view(-1, GROUP, 16), 0.9)
    wanted = torch.tensor(seen["rewards"]["quality"]) * distinct_fraction(same).flatten()
    torch.testing.assert_close(seen["advantages"].double(), centred(wanted), atol=1e-6, rtol=1e-5)


def test_leave_one_out_sees_the_shaped_reward(train, embed):
    _, seen = train(RLOOTrainer)
    shaped = torch.tensor(quality(seen["completions"])) + leave_one_out_logdet(embed(seen["completions"]), GROUPS)
    torch.testing.assert_close(seen["advantages"].double(), centred(shaped) * GROUP / (GROUP - 1), atol=1e-5, rtol=1e-5)


def test_unscored_rows_earn_nothing_and_are_compared_with_nobody(train, embed):
    def most(completions, **_):
        return [None if row % GROUP == 3 else value for row, value in enumerate(quality(completions))]

    _, seen = train(GRPOTrainer, reward=most)
    scored = [row for row in range(COUNT) if row % GROUP != 3]
    bonus = leave_one_out_logdet(embed([seen["completions"][row] for row in scored]), [GROUPS[row] for row in scored])
    column = torch.tensor(seen["rewards"]["diversity"])
    assert column.isnan().nonzero().flatten().tolist() == [row for row in range(COUNT) if row not in scored]
    torch.testing.assert_close(column[scored], bonus)
    assert (seen["advantages"].view(-1, GROUP)[:, 3] == 0).all()


def test_a_batch_without_any_reward_trains_on_nothing(train):
    _, seen = train(GRPOTrainer, reward=lambda completions, **_: [None] * len(completions))
    assert (seen["advantages"] == 0).all()


def test_asynchronous_and_weighted_rewards_and_conversations(train, embed):
    async def answered(completions, **_):
        return [float(len(said[-1]["content"]) % 2) for said in completions]

    def brief(completions, **_):
        return [None if len(said[-1]["content"]) > 10 else 1.0 for said in completions]

    _, seen = train(GRPOTrainer, reward=[answered, brief], reward_weights=[1.0, 0.5], conversational=True)
    bonus = leave_one_out_logdet(embed(list(map(said, seen["completions"]))), GROUPS)
    reward = torch.tensor(seen["rewards"]["answered"]) + 0.5 * torch.tensor(seen["rewards"]["brief"]).nan_to_num()
    torch.testing.assert_close(seen["advantages"].double(), centred(reward + bonus), atol=1e-6, rtol=1e-5)


def test_in_evaluation_the_reward_is_quality(train):
    trainer, _ = train(GRPOTrainer, eval_too=True)
    found = trainer.evaluate()
    assert found["eval_reward"] == pytest.approx(found["eval_rewards/quality/mean"])
    assert found["eval_rewards/diversity/mean"] == 0.0
    assert found["eval_diversity/score/mean"] > 0


def test_the_first_line_says_what_is_rewarded(train, capsys):
    train(GRPOTrainer, settings={"gate": 0.5}, scale_rewards="group")
    said = capsys.readouterr().out
    assert (
        "[dqo_verl] reward + 1.0 x leave-one-out log-determinant of embedder embeddings, among responses with a reward above "
        "0.5, 8 responses per prompt, on GRPOTrainer with std division\n" in said
    )
    assert re.search(r"\[dqo_verl\] set: gate=0.5, embedder=\S+\n", said)
    assert "To avoid it: scale_rewards='none' or scale='decoupled'." in said


def test_the_completions_that_it_writes_can_be_evaluated(policy_and_embedder, tmp_path):
    """TRL's own table, with our column in it: the score is the quality."""
    policy, embedder = policy_and_embedder
    diversity = Diversity("dqo", embedder=str(embedder))
    typed = {"log_completions": True, "output_dir": str(tmp_path), "max_steps": 1}
    trainer = make_trainer(policy, with_diversity(GRPOTrainer), diversity, **typed)
    trainer.train()
    groups = read_groups([tmp_path / "completions"], Problems())
    assert len(groups) == len(PROMPTS)
    for group in groups:
        assert len(group.responses) == GROUP
        assert group.scores == quality(group.responses)
        assert group.step == 1


def test_what_divides_the_bonus_by_its_spread_is_refused(policy_and_embedder):
    policy, embedder = policy_and_embedder
    diversity = Diversity("dqo", embedder=str(embedder))
    with pytest.raises(UserError, match="multi_objective_aggregation='sum_then_normalize', or Diversity"):
        make_trainer(policy, with_diversity(GRPOTrainer), diversity, multi_objective_aggregation="normalize_then_sum")


def test_what_would_clip_the_bonus_is_refused(policy_and_embedder):
    policy, embedder = policy_and_embedder
    diversity = Diversity("dqo", embedder=str(embedder))
    with pytest.raises(UserError, match=r"reward_clip_range=\(0, 1\) clips the sum"):
        make_trainer(policy, with_diversity(RLOOTrainer), diversity, reward_clip_range=(0, 1))


def test_settings_are_checked_however_a_subclass_takes_them(policy_and_embedder):
    class Own(GRPOTrainer):
        def __init__(self, *everything, **named):
            super().__init__(*everything, **named)

    diversity = Diversity("dqo", embedder=str(policy_and_embedder[1]))
    with pytest.raises(UserError, match="normalize_then_sum"):
        make_trainer(
            policy_and_embedder[0],
            with_diversity(Own),
            diversity,
            multi_objective_aggregation="normalize_then_sum",
        )


def test_the_users_list_of_rewards_stays_as_it_is(policy_and_embedder):
    policy, embedder = policy_and_embedder
    rewards = [quality]
    trainer = make_trainer(
        policy, with_diversity(GRPOTrainer), Diversity("dqo", embedder=str(embedder)), reward=rewards
    )
    assert rewards == [quality]
    assert trainer.reward_func_names == ["quality", "diversity"]


def test_a_reward_that_is_called_like_our_column_is_refused(policy_and_embedder):
    def diversity(completions, **_):
        return quality(completions)

    with pytest.raises(UserError, match="A reward function is called diversity"):
        make_trainer(
            policy_and_embedder[0],
            with_diversity(GRPOTrainer),
            Diversity("dqo", embedder=str(policy_and_embedder[1])),
            reward=diversity,
        )


class FewerRows(GRPOTrainer):
    """Drops a row of what TRL returns."""

    def _generate_and_score_completions(self, inputs):
        output = super()._generate_and_score_completions(inputs)
        return output | {"advantages": output["advantages"][:-1]}


class OwnScores(GRPOTrainer):
    """Does not ask for TRL's table of rewards."""

    def _generate_and_score_completions(self, inputs):
        return {"advantages": torch.zeros(len(inputs))}


@pytest.mark.parametrize(
    ("trainer_class", "said"),
    [(FewerRows, "FewerRows returned 31 .* about 32 responses"), (OwnScores, "OwnScores returned 32 .* about 0")],
)
def test_a_subclass_that_would_lose_the_bonus_is_refused(train, trainer_class, said):
    with pytest.raises(UserError, match=said):
        train(trainer_class)


@pytest.mark.parametrize(
    ("typed", "settings"),
    [
        ({"scale_rewards": "batch"}, {}),
        ({"multi_objective_aggregation": "normalize_then_sum", "scale_rewards": "none"}, {"scale": "decoupled"}),
    ],
)
def test_another_division_than_the_groups_gets_no_note_about_it(policy_and_embedder, typed, settings, capsys):
    diversity = Diversity("dqo", embedder=str(policy_and_embedder[1]), **settings)
    make_trainer(policy_and_embedder[0], with_diversity(GRPOTrainer), diversity, **typed)
    said = capsys.readouterr().out
    assert "on GRPOTrainer\n" in said
    assert "note" not in said


def test_two_responses_are_noted(policy_and_embedder, capsys):
    policy, embedder = policy_and_embedder
    diversity = Diversity("dqo", embedder=str(embedder))
    make_trainer(policy, with_diversity(GRPOTrainer), diversity, num_generations=2)
    assert "with num_generations=2 the bonus cancels. Use at least 3.\n" in capsys.readouterr().out


def test_a_target_steers_alpha_and_a_checkpoint_has_it(policy_and_embedder, tmp_path, monkeypatch):
    monkeypatch.setattr("dqo_verl.core.target.ENOUGH", 1)
    policy, embedder = policy_and_embedder
    typed = {"max_steps": 8, "save_strategy": "steps", "save_steps": 4, "output_dir": str(tmp_path)}

    def weights_used(trainer):
        return [line["diversity/alpha"] for line in log_of(trainer) if "diversity/alpha" in line]

    def trainer(**more):
        diversity = Diversity("diverse", target=1.0, embedder=str(embedder))
        return make_trainer(policy, with_diversity(GRPOTrainer), diversity, eval_too=True, **typed, **more)

    # transformers then makes the callbacks of a resumed run anew
    straight, resumed = trainer(), trainer(restore_callback_states_from_checkpoint=True)
    straight.train()
    alphas = weights_used(straight)
    assert alphas[:2] == [2.0, 2.0], "there is no share of the start before the second generation"
    assert 0 < alphas[2] != alphas[3] > 0
    resumed.train(resume_from_checkpoint=str(tmp_path / "checkpoint-4"))
    assert weights_used(resumed)[:3] == alphas[:3], (
        "the first weight after the checkpoint; TRL draws other answers then"
    )
    assert resumed.diversity_target.first == straight.diversity_target.first
    before = straight.diversity_target.state
    straight.evaluate()
    assert straight.diversity_target.state == before, "evaluation is no update"
