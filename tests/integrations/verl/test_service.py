"""The Ray actor that holds the model."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import ray
import torch

import dqo_verl
from dqo_verl.core.keys import ResponseKey
from dqo_verl.core.settings import parse
from dqo_verl.models.pair_classifier import PairClassifier
from dqo_verl.streaming.service import FeatureService, Submitter

from .conftest import compose

TEXTS = {ResponseKey(f"u{i // 4}", i % 4): f"response number {i % 3}" for i in range(12)}
KEYS = list(TEXTS)


def text_of(keys):
    return [TEXTS[key] for key in keys]


def nothing_to_add(keys):
    raise AssertionError(f"{keys} were streamed: nobody should fetch their texts")


def source(method="dqo", **values):
    return parse({"method": method} | values).source


def handed_over(texts, values=None):
    """Submitted as a reward worker does it, and there: Ray does not keep the order of an asynchronous actor's calls."""
    submitter = Submitter(values or source())
    ray.get([submitter.submit(key, text) for key, text in texts])


@pytest.fixture
def started(ray_and_queue, service):
    """`started(source)` -> a service of its own, under other names than the session's."""
    from dqo_verl.streaming import service as module

    services, name = [], module.NAME

    def start(values):
        module.NAME = f"test_{len(services)}_{os.urandom(3).hex()}_{{i}}"
        services.append(FeatureService(values))
        return services[-1]

    yield start
    for one in services:
        one.stop()
    module.NAME = name


def test_streamed_on_demand_shuffled_or_by_two_workers_the_numbers_are_the_same(service, started):
    on_demand = service.collect(KEYS, text_of)
    assert on_demand.streamed == 0
    two = started(source(actors=2))
    twice_is_once = [*TEXTS.items(), *reversed(TEXTS.items())]
    handed_over(twice_is_once, source(actors=2))
    streamed = two.collect(KEYS, nothing_to_add)
    np.testing.assert_allclose(streamed.values, on_demand.values, atol=1e-6)
    assert streamed.streamed == 12
    assert two.collect(KEYS, text_of).streamed == 0, "what was collected is forgotten"


def test_half_streamed_is_completed(service):
    handed_over([(key, TEXTS[key]) for key in KEYS[:6]])
    answer = service.collect(KEYS, text_of)
    assert answer.streamed == 6
    assert answer.values.shape == (12, 384)
    assert [i == answer.identities[0] for i in answer.identities] == [TEXTS[key] == TEXTS[KEYS[0]] for key in KEYS]


def test_validation_is_not_kept(service):
    key = ResponseKey("v", 0)
    service.accept(False)
    handed_over([(key, "validation")])
    service.accept(True)
    assert service.collect([key], lambda keys: ["validation"]).streamed == 0


def test_a_killed_worker_comes_back_and_answers_the_same(started):
    service = started(source())
    before = service.collect(KEYS, text_of).values
    handed_over(TEXTS.items())
    os.kill(service.pids[0], signal.SIGKILL)
    after = service.collect(KEYS, text_of).values
    np.testing.assert_allclose(after, before, atol=1e-6)


def test_partition_is_that_of_all_pairs(started, pair_classifier):
    classifier = PairClassifier(str(pair_classifier))
    groups = [[ResponseKey(f"g{g}", i) for i in range(6)] for g in range(5)]
    texts = {
        key: f"g{g}_{i} said {(g * i) % 4} times {'very ' * (g + i)}"
        for g, group in enumerate(groups)
        for i, key in enumerate(group)
    }
    (probabilities, _) = classifier.probabilities(
        [(texts[a], texts[b]) for group in groups for a in group for b in group if texts[a] < texts[b]]
    )
    threshold = sorted(probabilities)[len(probabilities) // 2]
    asked = source("darling", classifier=str(pair_classifier), actors=2, threshold=threshold)
    keys = list(texts)
    found = started(asked).collect(keys, lambda keys: [texts[key] for key in keys]).values
    labels = dict(zip(keys, found.tolist(), strict=True))
    for group in groups:
        same = torch.eye(6, dtype=torch.bool)
        for i, a in enumerate(group):
            for j, b in enumerate(group):
                pair = tuple(sorted((texts[a], texts[b])))
                same[i, j] |= texts[a] == texts[b] or classifier.probabilities([pair])[0][0] > threshold
        own = dqo_verl.classes(same).tolist()
        assert [labels[key] for key in group] == [sorted(set(own)).index(label) for label in own]


def test_responses_that_are_not_compared_join_no_classes(started, pair_classifier):
    """Every pair is the same here, and only the last two of four count."""
    asked = source("darling", classifier=str(pair_classifier), threshold=0.0)
    keys = [ResponseKey("p", i) for i in range(4)]
    found = started(asked).collect(keys, lambda keys: [f"text {key.sample}" for key in keys], compared=keys[2:])
    assert found.values.tolist() == [-1, -1, 0, 0]


def test_a_worker_that_cannot_be_placed_says_what_it_waits_for_and_names_the_ways(started, monkeypatch, capsys):
    from dqo_verl.streaming import service as module

    monkeypatch.setattr(module, "SECONDS_OF_SILENCE", 1.0)
    with pytest.raises(
        RuntimeError, match=r"placement=cpu.*\n.*placement=gpu.*\n.*placement=shared.*\n.*placement=http"
    ):
        started(source(placement="gpu", start_timeout=3))
    waited = [line for line in capsys.readouterr().out.splitlines() if "waiting for" in line]
    assert len(waited) >= 2
    assert waited[0].startswith("[dqo_verl] waiting for 1 of 1 feature workers to load: 1 s. Each takes 1 of 8 CPUs, ")
    assert waited[0].endswith("1 of 0 GPUs, 0 free")


def test_a_second_run_in_the_cluster_is_kept_from_the_first_ones_responses(ray_and_queue):
    from dqo_verl.integrations.verl import seam

    seam.refuse_shared_queue()
    address = ray.get_runtime_context().gcs_address
    code = (
        f"import ray; ray.init({address!r}, logging_level='ERROR')\n"
        "import transfer_queue as tq; tq.init()\n"
        "from dqo_verl.integrations.verl import seam\n"
        "try:\n    seam.refuse_shared_queue()\nfinally:\n    tq.close()"
    )
    # Ray 2.60 does not send its token by itself
    environment = os.environ | {"RAY_AUTH_MODE": "token"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == 1
    assert "Another run of verl's V1 trainer is in this Ray cluster" in done.stderr, done.stderr[-2000:]
    controller = ray.get_actor("TransferQueueController", namespace="transfer_queue")
    ray.get(controller.__ray_ready__.remote(), timeout=30)


def test_a_reward_model_that_does_not_load_ends_the_start(ray_and_queue, pair_classifier):
    from dqo_verl.integrations.verl import services

    kwargs = "+reward.custom_reward_function.reward_kwargs"
    scorer = ["path=pkg://dqo_verl.rewards.hf_scorer", "name=compute_score"]
    config = compose(
        "algorithm.adv_estimator=grpo",
        *(f"reward.custom_reward_function.{part}" for part in scorer),
        f"{kwargs}.model={pair_classifier}",
        f"{kwargs}.placement=cpu",
    )
    with pytest.raises(Exception, match="has 2 labels; a reward model has one"):
        services.start(config)


def test_a_model_that_does_not_load_ends_the_start(started, tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(Exception, match=r"(?i)model_type|unrecognized|architecture"):
        started(source(embedder=str(tmp_path)))
