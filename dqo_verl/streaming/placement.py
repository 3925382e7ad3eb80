"""Where a feature or reward model runs in the Ray cluster: on CPU cores, on its own GPU, or on one of the trainer's GPUs."""

from typing import Any

PLACEMENTS = ("cpu", "gpu", "shared")


def options(placement: str, i: int = 0) -> tuple[dict[str, Any], str]:
    """Ray's options for model number `i`, and its torch device.

    Shared models go to the GPU nodes in turn, then to the GPUs of each node in turn. Ray itself would put an actor that asks
    for no GPU on a node without GPUs, and would put all of them on the first GPU.
    """
    if placement == "gpu":
        return {"num_cpus": 1, "num_gpus": 1}, "cuda"
    if placement != "shared":
        return {"num_cpus": 1}, "cpu"
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    nodes = gpu_nodes()
    if not nodes:
        raise RuntimeError("placement=shared, but no node of this Ray cluster has a GPU: use placement=cpu")
    node, gpus = nodes[i % len(nodes)]
    return {
        "num_cpus": 1,
        "num_gpus": 0,
        # Otherwise Ray would hide every GPU.
        "runtime_env": {"env_vars": {"RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}},
        "scheduling_strategy": NodeAffinitySchedulingStrategy(node, soft=False),
    }, f"cuda:{i // len(nodes) % gpus}"


def gpu_nodes() -> list[tuple[str, int]]:
    """Id and number of GPUs of each node that has any, in an order that all processes agree on."""
    import ray

    alive = [node for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]
    nodes = [(node["NodeID"], int(node["Resources"].get("GPU", 0))) for node in alive]
    return sorted(node for node in nodes if node[1])
