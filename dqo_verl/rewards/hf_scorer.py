"""Quality from a Hugging Face sequence classifier in a Ray actor of its own: for reward models that vLLM cannot serve.

    reward.custom_reward_function.path=pkg://dqo_verl.rewards.hf_scorer
    +reward.custom_reward_function.reward_kwargs.model=Nexusflow/Athene-RM-8B
    +reward.custom_reward_function.reward_kwargs.placement=gpu    cpu | gpu (one reserved GPU) | shared (a training GPU)

Any one-label sequence classifier with a chat template, and Athene (`athene.py`). All reward workers share one actor,
which scores in batches what they ask while it works. Needs the prompt in `extra_info.prompt`.
"""

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

from dqo_verl.errors import UserError
from dqo_verl.models.conversation import prompt_of
from dqo_verl.models.hub import reach
from dqo_verl.models.reward_model import SequenceClassifier
from dqo_verl.streaming import placement as placing

MODEL = "reward.custom_reward_function.reward_kwargs.model"
SECONDS_TO_START = 900
# With placement=shared the feature model takes the first GPU, and this one takes the next, where there is one.
BESIDE_FEATURES = 1
# How often Ray restarts a scorer that dies.
RESTARTS = 3

_actors: dict[tuple[str, str], Any] = {}
_lock = threading.Lock()


class Scorer:
    """The Ray actor: while one batch is being scored, the next one gathers."""

    def __init__(self, name: str, device: str):
        self.model = SequenceClassifier(name, device)
        self.waiting: list[tuple[list[int], asyncio.Future[float]]] = []
        self.work: asyncio.Task[None] | None = None

    async def ready(self) -> bool:
        return True

    async def score(self, prompt: Sequence[dict[str, str]], response: str) -> tuple[float, bool]:
        ids, cut = self.model.read(prompt, response)
        future = asyncio.get_running_loop().create_future()
        self.waiting.append((ids, future))
        if self.work is None or self.work.done():
            self.work = asyncio.create_task(self._drain())
        return await future, cut

    async def _drain(self) -> None:
        while self.waiting:
            # Rows of similar length need little padding.
            self.waiting.sort(key=lambda item: len(item[0]))
            batch = self.waiting[: self.model.batch_size]
            self.waiting = self.waiting[self.model.batch_size :]
            try:
                scores = await asyncio.to_thread(self.model, [ids for ids, _ in batch])
            except Exception as error:
                # The error belongs to those who wait for these scores.
                for _, future in batch:
                    future.set_exception(error)
            else:
                for (_, future), score in zip(batch, scores, strict=True):
                    future.set_result(score)


def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: str,
    extra_info: Any = None,
    model: str | None = None,
    placement: str = "gpu",
    **_: Any,
) -> dict[str, float]:
    import ray

    quality, cut = ray.get(
        _actor(_named(model, placement), placement).score.remote(prompt_of(extra_info), solution_str)
    )
    return {"score": quality, "quality": quality, "truncated": float(cut)}


def arguments(function: Any) -> dict[str, Any] | None:
    """`reward_kwargs` of verl's `custom_reward_function`, if it is the one of this module."""
    if function.path != f"pkg://{__name__}":
        return None
    return {"model": None, "placement": "gpu"} | dict(function.get("reward_kwargs") or {})


def check(model: str | None, placement: str, **_: Any) -> None:
    """Before Ray starts: is the model within reach?"""
    reach(_named(model, placement), f"+{MODEL}={{}}".format)


def start(model: str, placement: str, **_: Any) -> None:
    """Load it now: verl logs a reward function that raises, and goes on without its responses."""
    _actor(model, placement)


def _named(model: str | None, placement: str) -> str:
    if model is None:
        raise UserError(f"which model? Add +{MODEL}=NAME_OR_PATH")
    if placement not in placing.PLACEMENTS:
        known = ", ".join(placing.PLACEMENTS)
        raise UserError(f"reward_kwargs.placement={placement} is not known. Choose one of: {known}")
    return model


def _actor(model: str, placement: str) -> Any:
    """The actor that serves `model`; the first to ask starts it, and it lives as long as the handle kept here."""
    with _lock:
        if (model, placement) not in _actors:
            _actors[model, placement] = _start(model, placement)
        return _actors[model, placement]


def _start(model: str, placement: str) -> Any:
    import ray

    options, device = placing.options(placement, BESIDE_FEATURES)
    options |= {
        # of this run: a user may let two runs share a namespace of Ray's
        "name": f"dqo_verl_scorer_{ray.get_runtime_context().get_job_id()}:{placement}:{model}",
        "get_if_exists": True,
        "max_restarts": RESTARTS,
        "max_task_retries": RESTARTS,
    }
    actor: Any = ray.remote(Scorer).options(**options).remote(model, device)
    try:
        ray.get(actor.ready.remote(), timeout=SECONDS_TO_START)
    except ray.exceptions.GetTimeoutError as error:
        raise RuntimeError(
            f"the reward model {model} was not up within {SECONDS_TO_START} s. placement=gpu needs a GPU that the "
            "trainer leaves free (trainer.n_gpus_per_node one lower); placement=shared uses a training GPU: leave room "
            "on it (actor_rollout_ref.rollout.gpu_memory_utilization=0.4); placement=cpu is for small models"
        ) from error
    return actor
