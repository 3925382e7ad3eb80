"""The Ray actor that holds the model."""

import dataclasses
import os
import signal

import numpy as np
import pytest
import torch

import dqo_verl
from dqo_verl.core.settings import Settings
from dqo_verl.models.pair_classifier import PairClassifier
from dqo_verl.streaming.service import FeatureService, Submitter

from .conftest import compose

TEXTS = {f"u{i // 4}_{i % 4}": f"response number {i % 3}" for i in range(12)}
KEYS = list(TEXTS)


def text_of(names):
    return [TEXTS[name] for name in names]


def nothing_to_add(names):
    raise AssertionError(f"{names} were streamed: nobody should fetch their texts")


def settings(**values):
    return Settings(**({"method": "dqo", "diversity": "dpp"} | values))


@pytest.fixture
def started(ray_and_queue, service):
    """`started(settings)` -> a service of its own, under other names than the session's."""
    from dqo_verl.streaming import service as module

    services, name = [], module.NAME

    def start(values):
        module.NAME = f"test_{len(services)}_{os.urandom(3).hex()}_{{}}"
        services.append(FeatureService(values))
        return services[-1]

    yield start
    for one in services:
        one.stop()
    module.NAME = name


def test_streamed_on_demand_shuffled_or_by_two_workers_the_numbers_are_the_same(service, started):
    on_demand = service.embeddings(KEYS, text_of).values
    two = started(settings(actors=2))
    submitter = Submitter(settings(actors=2))
    for key in reversed(KEYS):
        submitter.submit(key, TEXTS[key])
        submitter.submit(key, TEXTS[key])  # twice is once
    streamed = two.embeddings(KEYS, nothing_to_add).values
    np.testing.assert_allclose(streamed, on_demand, atol=1e-6)
    assert two.ensure(KEYS, text_of)[1] == 0, "what was collected is forgotten"


def test_half_streamed_is_completed(service):
    for key in KEYS[:6]:
        Submitter(settings()).submit(key, TEXTS[key])
    identities, streamed = service.ensure(KEYS, text_of)
    assert streamed == 6
    assert [identity == identities[0] for identity in identities] == [TEXTS[key] == TEXTS[KEYS[0]] for key in KEYS]
    assert service.embeddings(KEYS, nothing_to_add).values.shape == (12, 384)


def test_validation_is_not_kept(service):
    service.accept(False)
    Submitter(settings()).submit("v_0", "validation")
    service.accept(True)
    assert service.ensure(["v_0"], lambda names: ["validation"])[1] == 0
    service.embeddings(["v_0"], nothing_to_add)


def test_a_killed_worker_comes_back_and_answers_the_same(started):
    service = started(settings())
    before = service.embeddings(KEYS, text_of).values
    service.ensure(KEYS, text_of)
    os.kill(service.pids[0], signal.SIGKILL)
    after = service.embeddings(KEYS, text_of).values
    np.testing.assert_allclose(after, before, atol=1e-6)


def test_partition_is_that_of_all_pairs(started, pair_classifier):
    values = settings(method="darling", diversity="partition", classifier=str(pair_classifier), actors=2)
    classifier = PairClassifier(str(pair_classifier))
    groups = [[f"g{g}_{i}" for i in range(6)] for g in range(5)]
    texts = {
        key: f"{key} said {(g * i) % 4} times {'very ' * (g + i)}"
        for g, group in enumerate(groups)
        for i, key in enumerate(group)
    }
    (probabilities, _) = classifier.probabilities(
        [(texts[a], texts[b]) for group in groups for a in group for b in group if texts[a] < texts[b]]
    )
    values = dataclasses.replace(values, threshold=sorted(probabilities)[len(probabilities) // 2])
    threshold = values.threshold
    labels = started(values).labels(groups, lambda names: [texts[name] for name in names]).values
    for group, found in zip(groups, labels, strict=True):
        same = torch.eye(6, dtype=torch.bool)
        for i, a in enumerate(group):
            for j, b in enumerate(group):
                pair = tuple(sorted((texts[a], texts[b])))
                same[i, j] |= texts[a] == texts[b] or classifier.probabilities([pair])[0][0] > threshold
        assert found == [
            sorted(set(dqo_verl.classes(same).tolist())).index(label) for label in dqo_verl.classes(same).tolist()
        ]


def test_a_worker_that_cannot_be_placed_names_the_ways(started):
    with pytest.raises(
        RuntimeError, match=r"placement=cpu.*\n.*placement=gpu.*\n.*placement=shared.*\n.*placement=http"
    ):
        started(settings(placement="gpu", start_timeout=5))


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
        started(settings(embedder=str(tmp_path)))
