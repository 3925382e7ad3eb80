"""What runs beside verl in Ray: the feature workers and the reward model in process, up before verl's own models."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dqo_verl.core.settings import Settings
from dqo_verl.integrations.verl.launch import settings_of
from dqo_verl.rewards import hf_scorer
from dqo_verl.streaming import placement
from dqo_verl.streaming.service import FeatureService

features: FeatureService | None = None  # one per trainer process


def start(config: Any) -> None:
    """Called when the trainer starts: a model that cannot be loaded or placed ends the run here."""
    global features
    settings = settings_of(config.algorithm) if config.algorithm.get("diversity") else None
    if settings is not None and settings.reads not in ("embeddings", "classes"):
        settings = None
    scorer = hf_scorer.arguments(config.reward.custom_reward_function)
    placement.check_room(*gpus(config, settings, scorer))
    if scorer is not None:
        hf_scorer.start(**scorer)
    if settings is not None:
        features = FeatureService(settings)
        print(f"[dqo_verl] feature workers are up, pid {', '.join(map(str, features.pids))}", flush=True)


def gpus(config: Any, settings: Settings | None, scorer: dict[str, Any] | None) -> tuple[int, int]:
    """How many verl takes, and how many ours are to have for themselves."""
    reward_model = config.reward.reward_model
    pools = [config.trainer] + ([reward_model] if reward_model.enable and reward_model.enable_resource_pool else [])
    own = settings.actors if settings is not None and settings.placement == "gpu" else 0
    own += scorer is not None and scorer["placement"] == "gpu"
    return sum(pool.nnodes * pool.n_gpus_per_node for pool in pools), own


@contextmanager
def not_streaming() -> Iterator[None]:
    """While verl validates: nobody collects those responses."""
    if features is None:
        yield
        return
    features.accept(False)
    try:
        yield
    finally:
        features.accept(True)
