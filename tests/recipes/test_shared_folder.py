"""The folder of a run on several nodes: on a real cluster, one of whose nodes does not see it."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ray.cluster_utils import Cluster

SCRIPT = Path(__file__).parents[2] / "recipes/shared_folder.py"

pytestmark = pytest.mark.e2e


@pytest.fixture
def two_nodes():
    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    nodes.add_node(num_cpus=1)
    yield nodes.address
    nodes.shutdown()


def check(folder, address):
    return subprocess.run(
        [sys.executable, SCRIPT, folder], env=os.environ | {"RAY_ADDRESS": address}, capture_output=True, text=True
    )


def test_a_folder_that_all_nodes_see(two_nodes, tmp_path):
    done = check(tmp_path, two_nodes)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == [], "it leaves nothing behind"


@pytest.mark.skipif(
    subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode != 0,
    reason="a file system of a node's own needs root",
)
def test_a_folder_that_a_node_does_not_see_is_refused(two_nodes, tmp_path):
    ray = Path(sys.executable).with_name("ray")
    hidden = f"mount -t tmpfs none {tmp_path} && exec {ray} start --address={two_nodes} --num-cpus=1 --block"
    node = subprocess.Popen(["unshare", "-m", "bash", "-c", hidden], stdout=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 60
        while "is not on a file system that all nodes share" not in (done := check(tmp_path, two_nodes)).stderr:
            assert done.returncode == 0, done.stderr
            assert time.monotonic() < until, "the node has not joined the cluster"
        assert done.returncode == 2
        assert f"OUT={tmp_path}" in done.stderr
        assert "Traceback" not in done.stderr
    finally:
        node.terminate()
        node.wait(30)


def test_without_a_cluster(tmp_path):
    done = check(tmp_path, "127.0.0.1:1")
    assert done.returncode == 2
    assert "no Ray cluster answers at 127.0.0.1:1" in done.stderr
    assert "Traceback" not in done.stderr
