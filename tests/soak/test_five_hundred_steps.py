"""Five hundred steps against the feature service in Ray: killed workers, doubles, what comes late or never, slow answers."""

import os
import random
import signal

import numpy as np
import psutil
import pytest
import ray
from tqdm import tqdm

from dqo_verl.core.keys import ResponseKey
from dqo_verl.core.settings import parse
from dqo_verl.streaming import service as module
from dqo_verl.streaming.local import LocalModel
from dqo_verl.streaming.service import FeatureService, Submitter

STEPS, PROMPTS, RESPONSES = 500, 8, 4
KILLS_UNTIL, KILL_EVERY = 300, 25
# of a worker, from the first step without kills to the last
GROWTH = 16 * 2**20
TEXTS = [f"answer {i} of {i % 7} words {'and more ' * (i % 5)}".strip() for i in range(300)] + ["", "  "]


@pytest.fixture(scope="module", autouse=True)
def own_ray():
    ray.init("local", num_cpus=4, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


def memory(pids):
    return sum(psutil.Process(pid).memory_info().rss for pid in pids)


def classes(keys, values):
    """Labels as the first members of their classes: two partitions are equal if these are."""
    first = {}
    return [first.setdefault((key.group, value), key.sample) for key, value in zip(keys, values, strict=True)]


@pytest.mark.parametrize("method", ["dqo", "darling"])
def test_no_row_is_lost_or_doubled_and_memory_is_flat(method, pair_classifier, monkeypatch):
    monkeypatch.setattr(module, "RESTARTS", 1000)
    chance = random.Random(method)
    model = {} if method == "dqo" else {"classifier": str(pair_classifier)}
    source = parse({"method": method, "actors": 2, "deadline": 120.0} | model).source
    service, submitter, alone = FeatureService(source), Submitter(source), LocalModel(source, "cpu")
    pids = service.pids
    started = kills = 0
    for step in tqdm(range(STEPS), desc=f"soak of {method}", unit="step"):
        keys = [ResponseKey(f"{step}.{prompt}", i) for prompt in range(PROMPTS) for i in range(RESPONSES)]
        texts = dict(zip(keys, chance.choices(TEXTS, k=len(keys)), strict=True))
        # some twice, some with another text at first, some never; of groups that were filtered out, too
        sent = [(key, texts[key]) for key in chance.sample(keys, chance.randrange(len(keys) + 1))]
        sent += chance.choices(sent, k=3) if sent else []
        orphans = [(ResponseKey(f"{step}.orphan", i), chance.choice(TEXTS)) for i in range(2)]
        for key, text in [*((key, "changed later") for key, _ in sent[:2]), *orphans]:
            ray.get(submitter.submit(key, text), timeout=60)
        waiting = [submitter.submit(key, text) for key, text in sent]
        if step < KILLS_UNTIL and step % KILL_EVERY == KILL_EVERY // 2:
            os.kill(chance.choice(pids), signal.SIGKILL)
            kills += 1
        elif chance.random() < 0.5:
            ray.get(waiting, timeout=60)
        order = chance.sample(keys, len(keys))
        compared = [key for key in order if chance.random() < 0.9]
        answer = service.collect(order, lambda asked, texts=texts: [texts[key] for key in asked], compared)
        expected = alone.collect(order, [texts[key] for key in order], compared)
        assert answer.identities == expected.identities
        if method == "dqo":
            np.testing.assert_allclose(answer.values, expected.values, atol=1e-5)
        else:
            assert classes(order, answer.values.tolist()) == classes(order, expected.values.tolist())
        pids = ray.get([worker.ready.remote() for worker in service.workers], timeout=120)
        if step == KILLS_UNTIL + 20:
            started = memory(pids)
    assert kills == KILLS_UNTIL // KILL_EVERY
    assert memory(pids) - started < GROWTH
    service.stop()
