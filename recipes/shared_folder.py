"""Refuses a run's folder that a node of the Ray cluster does not see: every node writes checkpoints there.

python recipes/shared_folder.py DIR
"""

import os
import socket
import sys
import time
import uuid
from pathlib import Path

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from dqo_verl.errors import UserError, plainly

# a network file system may show a new file late
PATIENCE = 10.0


@ray.remote(num_cpus=0)
def sees(file: str, patience: float) -> bool:
    until = time.monotonic() + patience
    while not (found := os.path.exists(file)) and time.monotonic() < until:
        time.sleep(0.5)
    return found


def blind(file: Path) -> list[str]:
    """The addresses of the nodes that do not see the file."""
    nodes = [node for node in ray.nodes() if node["Alive"]]
    answers = [
        sees.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)).remote(
            str(file), PATIENCE
        )
        for node in nodes
    ]
    return [node["NodeManagerAddress"] for node, seen in zip(nodes, ray.get(answers), strict=True) if not seen]


def join() -> None:
    """Join the cluster that RAY_ADDRESS names, or the one on this machine."""
    address = os.environ.get("RAY_ADDRESS", "auto")
    try:
        # Ray itself would wait for minutes
        if ":" in address and "://" not in address:
            host, port = address.rsplit(":", 1)
            socket.create_connection((host, int(port)), timeout=10).close()
        ray.init(address=address, log_to_driver=False, logging_level="error")
    except (OSError, ValueError) as error:
        raise UserError(
            f"no Ray cluster answers at {address} ({error}). With NNODES above 1, start one first: ray start --head, on the other "
            "nodes ray start --address=HEAD:6379, and here RAY_ADDRESS=HEAD:6379"
        ) from error


def main(folder: Path) -> None:
    join()
    file = folder / f".seen-by-all-{uuid.uuid4().hex}"
    file.touch()
    try:
        if nodes := blind(file):
            raise UserError(
                f"OUT={folder} is not on a file system that all nodes share: {', '.join(nodes)} cannot see what is written "
                "here. Type OUT=DIR with a folder that all nodes see, because each of them writes checkpoints there"
            )
    finally:
        file.unlink()


if __name__ == "__main__":
    sys.exit(plainly("shared_folder", lambda: main(Path(sys.argv[1]))))
