"""The engine itself. Each test is one run, or two that follow each other."""

import os
import re
import signal
import tempfile
import time
from collections import Counter
from pathlib import Path

import pytest

from dqo_verl.evaluation.metrics.evaluate import evaluate
from dqo_verl.evaluation.metrics.options import Options
from tests.e2e.dumps import expect_metrics_of_dumps, rows_of

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1500)]


def in_tensorboard(folder, steps):
    """Metrics of ours arrive in each of verl's loggers, and the answers to one prompt where texts can be shown."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    written = EventAccumulator(str(folder)).Reload()
    (shown,) = [tag for tag in written.Tags()["tensors"] if "generations" in tag]
    assert b"[answer 1 of " in written.Tensors(shown)[0].tensor_proto.string_val[0]
    for number, event in enumerate(written.Scalars("diversity/score/mean"), start=1):
        assert event.value == pytest.approx(steps[number]["diversity/score/mean"])
    distinct = [tag for tag in written.Tags()["scalars"] if tag.startswith("val-core/") and "/distinct" in tag]
    assert distinct


def test_dqo_with_a_killed_embedder_and_then_resumed(start, tmp_path):
    options = ["algorithm.adv_estimator=dqo", "algorithm.norm_adv_by_std_in_grpo=False", "trainer.save_freq=3"]
    dump = f"trainer.rollout_data_dir={tmp_path}/rollouts"
    validate = ["trainer.val_before_train=True", f"trainer.validation_data_dir={tmp_path}/validation"]
    run = start(tmp_path, *options, dump, *validate, "trainer.total_training_steps=3")
    run.wait_for_step(1)
    pid = int(re.search(r"feature workers are up, pid (\d+)", run.text())[1])
    os.kill(pid, signal.SIGKILL)
    assert run.finish() == 0, run.text()[-4000:]

    steps = run.steps()
    assert list(steps) == [1, 2, 3]
    expect_metrics_of_dumps(steps, tmp_path / "rollouts")
    assert steps[1]["diversity/streamed/frac"] == 1.0
    for sample in rows_of(tmp_path / "validation/0.jsonl"):
        assert sample["score"] == sample["acc"], "validation must see pure quality"
    in_tensorboard(tmp_path / "tensorboard", steps)

    resumed = start(tmp_path, *options, "trainer.total_training_steps=4")
    assert resumed.finish() == 0, resumed.text()[-4000:]
    assert list(resumed.steps()) == [4]
    assert "diversity/score/mean" in resumed.steps()[4]


def test_darling_with_a_classifier_and_asynchronous_rollouts_then_resumed(start, tmp_path, pair_classifier):
    options = [
        "algorithm.adv_estimator=darling",
        f"+algorithm.diversity.classifier={pair_classifier}",
        "+algorithm.diversity.actors=2",
        "trainer.v1.trainer_mode=colocate_async",
        "algorithm.filter_groups.enable=True",
        "algorithm.filter_groups.metric=acc",
        "trainer.save_freq=2",
    ]
    dump = f"trainer.rollout_data_dir={tmp_path}/rollouts"
    run = start(tmp_path, *options, dump, "trainer.total_training_steps=2")
    assert run.finish() == 0, run.text()[-4000:]
    found = evaluate(
        (tmp_path / "rollouts",), tmp_path / "found", Options(classifier=str(pair_classifier), embedder="none")
    )
    for part in found["slices"]:
        classes_of_training = run.steps()[part["step"]]["diversity/classes/mean"]
        assert part["metrics"]["classes_connected"][0] == pytest.approx(classes_of_training), "one way to decide"
    resumed = start(tmp_path, *options, "trainer.total_training_steps=3")  # the prompts in flight are generated again
    assert resumed.finish() == 0, resumed.text()[-4000:]
    assert list(resumed.steps()) == [3]
    for metrics in [*run.steps().values(), *resumed.steps().values()]:
        assert 1 <= metrics["diversity/classes/mean"] <= 4
        assert 0 <= metrics["diversity/score/min"] <= metrics["diversity/score/max"] <= 1
        assert metrics["diversity/bonus/max"] <= 0, "multiplying by at most 1 never adds to the quality"
        assert metrics["diversity/streamed/frac"] == 1.0


def test_one_override_turns_ppo_into_dqo_on_ppo_and_failed_siblings_are_missed_by_nobody(start, tmp_path):
    run = start(
        tmp_path,
        "algorithm.adv_estimator=gae",
        "+reward_model.diversity=dpp",
        "reward.custom_reward_function.name=fails_sometimes",
        f"trainer.rollout_data_dir={tmp_path}/rollouts",
        "trainer.total_training_steps=2",
    )
    assert run.finish() == 0, run.text()[-4000:]
    assert "this response cannot be scored" in run.text()
    for number, metrics in run.steps().items():
        rows = rows_of(tmp_path / f"rollouts/{number}.jsonl")
        sizes = Counter(row["uid"].rsplit("_", 2)[0] for row in rows if not row["uid"].startswith("pad"))
        assert min(sizes.values()) < 4, "some groups are short"
        assert metrics["diversity/missing_responses"] == 8 * 4 - sum(sizes.values()) > 0
        assert metrics["diversity/singleton_groups"] == sum(size == 1 for size in sizes.values())
        assert "critic/vf_loss" in metrics
        # blank responses are not compared, and get no bonus
        assert 0.8 * metrics["diversity/score/mean"] < metrics["diversity/bonus/mean"]
        assert metrics["diversity/bonus/mean"] <= metrics["diversity/score/mean"] + 1e-5


def test_an_embedding_server_that_stumbles_and_then_fails_for_good(start, tmp_path, server):
    """Other ways to fail: tests/models/test_servers.py; all reach the trainer as this one does."""
    server.hangs_for = 12  # the client waits half of the deadline, then asks again
    server.mood = lambda number: "hang" if number == 2 else "500" if number % 3 == 0 else "well"
    run = start(
        tmp_path,
        "algorithm.adv_estimator=dqo",
        "+algorithm.diversity.placement=http",
        f"+algorithm.diversity.urls=[{server.url}]",
        "+algorithm.diversity.deadline=20",
        "trainer.total_training_steps=50",
    )
    run.wait_for_step(2)
    assert server.requests >= 4
    server.mood = "nan"
    assert run.finish() != 0
    assert "non-finite or zero embedding for the response" in run.text()


@pytest.fixture
def dead_ray():
    """The file of a cluster that died without removing it. Ray's sockets need a short path."""
    with tempfile.TemporaryDirectory(prefix="r", dir="/tmp") as folder:
        (Path(folder) / "ray").mkdir()
        (Path(folder) / "ray/ray_current_cluster").write_text("127.0.0.1:9")
        yield folder


def test_plain_grpo_is_untouched_by_us_and_by_a_dead_ray_and_a_dead_engine_ends_the_run(start, tmp_path, dead_ray):
    run = start(tmp_path, "algorithm.adv_estimator=grpo", "trainer.total_training_steps=100", RAY_TMPDIR=dead_ray)
    run.wait_for_step(2)
    assert "[dqo_verl]" not in run.text()
    assert not [key for metrics in run.steps().values() for key in metrics if "diversity" in key]
    (worker,) = [process for process in run.family() if "".join(process.cmdline()[:1]).startswith("VLLM::Worker")]
    worker.kill()
    died = time.monotonic()
    assert run.finish() != 0
    assert time.monotonic() - died < 60
    waiting, generating = "died; see its output above", "EngineDeadError"  # what the trainer was doing
    assert waiting in run.text() or generating in run.text()


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["algorithm.adv_estimator=dqo", "+algorithm.diversity.aplha=1"], "Did you mean +algorithm.diversity.alpha=1?"),
        (["algorithm.adv_estimator=gae", "+reward_model.diversity=vendi"], "Choose one of: bleu, certainty"),
    ],
)
def test_a_bad_setting_is_refused_before_ray_starts(start, tmp_path, overrides, message):
    began = time.monotonic()
    run = start(tmp_path, *overrides)
    assert run.finish() != 0
    assert time.monotonic() - began < 60
    assert message in run.text()
    assert "Started a local Ray instance" not in run.text()
