"""Each of verl's trainers with DQO: two steps on the real engine. The V1 trainer's sync and colocate_async: test_training.py.

pytest tests/e2e/test_trainers.py              those whose actors and hooks are like no other's
pytest tests/e2e/test_trainers.py --weekly     all
"""

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

ASYNC = "verl.experimental.fully_async_policy.fully_async_main"
ONE_STEP_OFF = "verl.experimental.one_step_off_policy.main_ppo"
APART = ["actor_rollout_ref.hybrid_engine=False", "rollout.nnodes=1", "rollout.n_gpus_per_node=1"]
# name -> module, overrides, share of responses that are embedded while verl generates
TRAINERS = {
    "fully asynchronous": (
        ASYNC,
        [
            *APART,
            # 8 prompts a step
            "data.train_batch_size=0",
            "rollout.total_rollout_steps=24",
            "async_training.trigger_parameter_sync_step=1",
        ],
        0.0,
    ),
    "one step off policy": (
        ONE_STEP_OFF,
        # its own searchpath holds in verl's repository alone
        [*APART, "hydra.searchpath=[pkg://verl.trainer.config]", "trainer.total_training_steps=2"],
        0.0,
    ),
    "before V1": ("verl.trainer.main_ppo", ["trainer.use_v1=False", "trainer.total_training_steps=2"], 0.0),
    "separate_async": (
        "verl.trainer.main_ppo",
        [
            "trainer.v1.trainer_mode=separate_async",
            "trainer.v1.separate_async.parameter_sync_step=1",
            "actor_rollout_ref.rollout.nnodes=1",
            "actor_rollout_ref.rollout.n_gpus_per_node=1",
            "trainer.total_training_steps=2",
        ],
        1.0,
    ),
}
IN_THE_GATE = ["fully asynchronous", "one step off policy"]


def pytest_generate_tests(metafunc):
    metafunc.parametrize("name", TRAINERS if metafunc.config.getoption("--weekly") else IN_THE_GATE)


def test_it_trains_with_dqo(name, start, tmp_path):
    module, overrides, streamed = TRAINERS[name]
    run = start(tmp_path, "algorithm.adv_estimator=dqo", *overrides, module=module)
    assert run.finish() == 0, run.text()[-4000:]
    assert "reward + 1.0 x leave-one-out log-determinant of all-MiniLM-L6-v2 embeddings" in run.text()
    steps = run.steps()
    assert len(steps) >= 2
    for metrics in steps.values():
        # log(1 + 1/k) to log 2 for k = 4
        assert 0.2 < metrics["diversity/score/min"] <= metrics["diversity/score/mean"] <= metrics["diversity/score/max"]
        assert 0.4 < metrics["diversity/score/mean"] < 0.7
        # blank responses are not compared, and get no bonus
        assert 0.8 * metrics["diversity/score/mean"] < metrics["diversity/bonus/mean"]
        assert metrics["diversity/bonus/mean"] <= metrics["diversity/score/mean"] + 1e-6
        assert metrics["diversity/streamed/frac"] == streamed
        assert metrics["critic/score/mean"] == pytest.approx(metrics["reward/acc/mean"]), "quality stays pure"
