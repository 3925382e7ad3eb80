"""Starts our Ray actors, the feature workers and the reward model of `hf_scorer`, before verl loads its own models."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dqo_verl.core.placements import Gpu
from dqo_verl.core.sources import Model
from dqo_verl.integrations.verl import seam
from dqo_verl.integrations.verl.launch import settings_of
from dqo_verl.integrations.verl.resources import gpus_of_verl, is_v1
from dqo_verl.rewards import hf_scorer
from dqo_verl.streaming.service import FeatureService

# one per trainer process
features: FeatureService | None = None


def start(config: Any) -> None:
    """Called when the trainer starts: a model that cannot be loaded or placed ends the run here."""
    global features
    if is_v1(config):
        seam.refuse_shared_queue()
    source = settings_of(config.algorithm).source if config.algorithm.get("diversity") else None
    model = source if isinstance(source, Model) else None
    scorer = hf_scorer.arguments(config.reward.custom_reward_function)
    check_room(gpus_of_verl(config), own_gpus(model, scorer))
    if scorer is not None:
        hf_scorer.start(**scorer)
    if model is not None:
        features = FeatureService(model)
        print(f"[dqo_verl] feature workers are up, pid {', '.join(map(str, features.pids))}", flush=True)


def own_gpus(model: Model | None, scorer: dict[str, Any] | None) -> int:
    """How many GPUs our models reserve for themselves."""
    own = model.actors if model is not None and isinstance(model.placement, Gpu) else 0
    return own + (scorer is not None and scorer["placement"] == "gpu")


@contextmanager
def not_streaming() -> Iterator[None]:
    """Accept no responses while verl validates, because nobody collects them."""
    if features is None:
        yield
        return
    features.accept(False)
    try:
        yield
    finally:
        features.accept(True)


def check_room(verl: int, own: int) -> None:
    """Refuse a cluster with too few GPUs: our models would take theirs first, and verl would report too few for itself."""
    import ray

    have = int(ray.cluster_resources().get("GPU", 0))  # type: ignore[no-untyped-call]
    if own and verl + own > have:
        raise RuntimeError(
            f"Too few GPUs: the models of dqo_verl need {own} (placement=gpu) and verl takes {verl}, but Ray has {have}. "
            "Give verl fewer (trainer.n_gpus_per_node=4 on a node of 8), or place the models elsewhere: placement=cpu, or "
            "placement=shared with room on the trainer's GPUs (actor_rollout_ref.rollout.gpu_memory_utilization=0.4)."
        )
