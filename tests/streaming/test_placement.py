"""Where Ray puts a model: on a real cluster of three nodes, two of which pretend to have GPUs."""

import pytest
import ray
from ray.cluster_utils import Cluster

from dqo_verl.streaming import placement


@pytest.fixture(scope="module")
def cluster():
    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 4, "num_gpus": 0})
    for _ in range(2):
        nodes.add_node(num_cpus=4, num_gpus=2)
    ray.init(nodes.address, log_to_driver=False)
    yield nodes
    ray.shutdown()
    nodes.shutdown()


@ray.remote
class Where:
    def node(self):
        return ray.get_runtime_context().get_node_id()


def test_shared_models_go_round_the_nodes_with_gpus_and_then_round_their_gpus(cluster):
    found = []
    for i in range(5):
        options, device = placement.options("shared", i)
        found.append((ray.get(Where.options(**options | {"num_cpus": 0}).remote().node.remote(), timeout=60), device))
    nodes = [node for node, _ in placement.gpu_nodes()]
    assert [gpus for _, gpus in placement.gpu_nodes()] == [2, 2]
    assert cluster.head_node.node_id not in nodes
    assert found == [(nodes[i % 2], f"cuda:{(i // 2) % 2}") for i in range(5)]


@pytest.mark.usefixtures("cluster")
def test_a_gpu_that_verl_needs_too_is_missed_before_anything_is_placed():
    from dqo_verl.integrations.verl.services import check_room

    check_room(4, 0)
    check_room(3, 1)
    with pytest.raises(RuntimeError, match=r"verl takes 4, but Ray has 4.*n_gpus_per_node=4.*placement=cpu"):
        check_room(4, 1)


def test_without_a_gpu_there_is_nothing_to_share(monkeypatch):
    monkeypatch.setattr(placement, "gpu_nodes", list)
    with pytest.raises(RuntimeError, match="use placement=cpu"):
        placement.options("shared")
