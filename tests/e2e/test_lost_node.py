"""A node is lost with the worker on it: on a real cluster of several nodes, each with its own raylet."""

from collections import Counter
from contextlib import contextmanager

import numpy as np
import psutil
import pytest
import ray
from ray.cluster_utils import Cluster
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
from ray.util.state import list_actors

from dqo_verl.core.keys import ResponseKey
from dqo_verl.core.settings import parse
from dqo_verl.streaming.local import LocalModel
from dqo_verl.streaming.service import FeatureService, Submitter, name_of, worker_of
from tests.e2e.dumps import expect_metrics_of_dumps

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1500)]

WORKERS = 3
TEXTS = {ResponseKey(f"u{i // 8}", i % 8): f"response {i} says {i % 5} and {i % 7}" for i in range(160)}
KEYS = list(TEXTS)
DEADLINE = 120.0


@contextmanager
def cluster_of(head, others, other):
    nodes = Cluster(initialize_head=True, head_node_args=head)
    for _ in range(others):
        nodes.add_node(**other)
    ray.init(nodes.address, log_to_driver=False, namespace="shared by two runs")
    try:
        yield nodes
    finally:
        ray.shutdown()
        nodes.shutdown()


@pytest.fixture
def three_nodes():
    with cluster_of({"num_cpus": 1}, 2, {"num_cpus": 1}) as nodes:
        yield nodes


@ray.remote
class Holds:
    """Cores of a node that Ray must not give to anybody else."""

    def ready(self): ...


def hold(node, cores):
    on_it = NodeAffinitySchedulingStrategy(node.node_id, soft=False)
    actor = Holds.options(num_cpus=cores, scheduling_strategy=on_it).remote()
    ray.get(actor.ready.remote())
    return actor


# what verl starts before the feature workers, one core each: its task runner and the controller of its queue
EARLY = 2
LATE = 32
STEPS = 12


@pytest.fixture
def head_and_three_nodes():
    with cluster_of(
        {"num_cpus": EARLY + LATE, "num_gpus": 1, "resources": {"head": 1}}, WORKERS, {"num_cpus": 2}
    ) as nodes:
        yield nodes


def node_of(i):
    """Of worker number `i`."""
    (found,) = [actor for actor in list_actors() if actor.name == name_of(i) and actor.state == "ALIVE"]
    return found.node_id


def test_workers_on_a_lost_node_start_elsewhere_and_the_numbers_stay(three_nodes):
    source = parse({"method": "dqo", "actors": WORKERS, "deadline": DEADLINE}).source
    service = FeatureService(source)
    place = {i: node_of(i) for i in range(WORKERS)}
    assert len(set(place.values())) == WORKERS, "spread over all nodes"
    submitter = Submitter(source)
    ray.get([submitter.submit(key, text) for key, text in TEXTS.items()])
    lost = next(node for node in three_nodes.worker_nodes if node.node_id in place.values())
    gone = next(i for i, node in place.items() if node == lost.node_id)
    three_nodes.add_node(num_cpus=1)
    three_nodes.remove_node(lost, allow_graceful=False)
    # a worker outlives its raylet by a moment
    psutil.wait_procs([psutil.Process(service.pids[gone])], timeout=60)
    fetched = []

    def text_of(keys):
        fetched.extend(keys)
        return [TEXTS[key] for key in keys]

    answer = service.collect(KEYS, text_of)
    assert {worker_of(key, WORKERS) for key in fetched} == {gone}, "only what was lost is fetched again"
    expected = LocalModel(source, "cpu").collect(KEYS, list(TEXTS.values()), KEYS)
    np.testing.assert_allclose(answer.values, expected.values, atol=1e-6)
    assert answer.identities == expected.identities


def test_a_training_run_goes_on_with_the_same_numbers_when_it_loses_a_node(start, tmp_path, head_and_three_nodes):
    """Each of the three nodes gets one feature worker, and at most two of them also get something of verl's, which cannot be lost."""
    head, small = head_and_three_nodes.head_node, list(head_and_three_nodes.worker_nodes)
    later, first = [hold(head, LATE), *(hold(node, 1) for node in small)], [hold(node, 1) for node in small]
    run = start(
        tmp_path,
        "algorithm.adv_estimator=dqo",
        "algorithm.norm_adv_by_std_in_grpo=False",
        f"+algorithm.diversity.actors={WORKERS}",
        "+transfer_queue.backend.SimpleStorage.required_node_resource=head",
        f"+ray_kwargs.ray_init.runtime_env.env_vars.VERL_FILE_LOGGER_PATH={tmp_path}/train-0.jsonl",
        f"trainer.rollout_data_dir={tmp_path}/rollouts",
        f"trainer.total_training_steps={STEPS}",
        RAY_ADDRESS=head_and_three_nodes.address,
    )
    run.wait_for(f"waiting for {WORKERS} of {WORKERS} feature workers to load")
    for actor in first:
        ray.kill(actor)
    run.wait_for("feature workers are up")
    for actor in later:
        ray.kill(actor)
    run.wait_for_step(2)
    on = Counter(actor.node_id for actor in list_actors(limit=1000) if actor.state == "ALIVE")
    lost = next(node for node in small if on[node.node_id] == 1)
    head_and_three_nodes.remove_node(lost, allow_graceful=False)
    assert run.finish() == 0, run.text()[-4000:]
    actors = list_actors(limit=1000, detail=True)
    assert sum(actor.num_restarts for actor in actors if actor.class_name == "FeatureWorker") == 1
    assert list(run.steps()) == list(range(1, STEPS + 1))
    expect_metrics_of_dumps(run.steps(), tmp_path / "rollouts")
