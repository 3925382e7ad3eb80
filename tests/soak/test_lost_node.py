"""A node is lost with the workers on it: on a real cluster of three nodes, each with its own raylet."""

import numpy as np
import pytest
import ray
from ray.cluster_utils import Cluster
from ray.util.state import list_actors

from dqo_verl.core.keys import ResponseKey
from dqo_verl.core.settings import parse
from dqo_verl.streaming.local import LocalModel
from dqo_verl.streaming.service import FeatureService, Submitter, name_of, worker_of

WORKERS = 3
TEXTS = {ResponseKey(f"u{i // 8}", i % 8): f"response {i} says {i % 5} and {i % 7}" for i in range(160)}
KEYS = list(TEXTS)
DEADLINE = 120.0


@pytest.fixture
def three_nodes():
    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    for _ in range(2):
        nodes.add_node(num_cpus=1)
    ray.init(nodes.address, log_to_driver=False, namespace="shared by two runs")
    yield nodes
    ray.shutdown()
    nodes.shutdown()


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
    three_nodes.add_node(num_cpus=1)
    three_nodes.remove_node(lost, allow_graceful=False)
    fetched = []

    def text_of(keys):
        fetched.extend(keys)
        return [TEXTS[key] for key in keys]

    answer = service.collect(KEYS, text_of)
    gone = next(i for i, node in place.items() if node == lost.node_id)
    assert {worker_of(key, WORKERS) for key in fetched} == {gone}, "only what was lost is fetched again"
    expected = LocalModel(source, "cpu").collect(KEYS, list(TEXTS.values()), KEYS)
    np.testing.assert_allclose(answer.values, expected.values, atol=1e-6)
    assert answer.identities == expected.identities
