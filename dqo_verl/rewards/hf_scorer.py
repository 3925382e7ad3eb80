"""Quality from a Hugging Face sequence classifier in its own Ray actor, for reward models that vLLM cannot serve.

    reward.custom_reward_function.path=pkg://dqo_verl.rewards.hf_scorer
    +reward.custom_reward_function.reward_kwargs.model=Nexusflow/Athene-RM-8B
    +reward.custom_reward_function.reward_kwargs.placement=gpu    cpu | gpu (one reserved GPU) | shared (a training GPU)

The model is any one-label sequence classifier with a chat template, or Athene (`athene.py`). All reward workers share one
actor, which batches the requests that arrive while it works. The data must have the prompt in `extra_info.prompt`.
"""

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

from dqo_verl import rewards
from dqo_verl.errors import UserError
from dqo_verl.models.conversation import prompt_of
from dqo_verl.models.hub import reach
from dqo_verl.models.reward_model import SequenceClassifier
from dqo_verl.streaming import placement as placing

MODEL = "reward.custom_reward_function.reward_kwargs.model"
SECONDS_TO_START = 900
# With placement=shared the feature model takes the first GPU, and this one takes the next, if there is one.
BESIDE_FEATURES = 1
# How often Ray restarts a scorer that dies.
RESTARTS = 3

_actors: dict[tuple[str, str], Any] = {}
_lock = threading.Lock()


class Scorer:
    """The Ray actor, which collects the next batch while it scores one."""

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
                # Only the callers that wait for these scores get the error.
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
    """`reward_kwargs` of verl's `custom_reward_function` if that is this module's function, else None."""
    if rewards.module_of(function.path) != __name__:
        return None
    return {"model": None, "placement": "gpu"} | dict(function.get("reward_kwargs") or {})


def check(model: str | None = None, placement: str = "gpu") -> None:
    """Called before Ray starts: refuses a model that cannot be reached."""
    reach(_named(model, placement), f"+{MODEL}={{}}".format)


def start(model: str, placement: str, **_: Any) -> None:
    """Load the model now: if a reward function raises later, verl only logs it, and goes on without the response."""
    _actor(model, placement)


def _named(model: str | None, placement: str) -> str:
    if model is None:
        raise UserError(f"The reward function hf_scorer needs a model. Add +{MODEL}=NAME_OR_PATH")
    if placement not in placing.PLACEMENTS:
        known = ", ".join(placing.PLACEMENTS)
        raise UserError(f"reward_kwargs.placement={placement} is not known. Choose one of: {known}")
    return model


def _actor(model: str, placement: str) -> Any:
    """The actor that serves `model`: the first call starts it, and it lives as long as the handle kept here."""
    with _lock:
        if (model, placement) not in _actors:
            _actors[model, placement] = _start(model, placement)
        return _actors[model, placement]


def _start(model: str, placement: str) -> Any:
    import ray

    options, device = placing.options(placement, BESIDE_FEATURES)
    options |= {
        # with the job id, because two runs may share a Ray namespace
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
            f"the reward model {model} did not start within {SECONDS_TO_START} s. placement=gpu needs a GPU that the "
            "trainer leaves free: lower trainer.n_gpus_per_node by one. placement=shared needs free memory on a training GPU: "
            "set actor_rollout_ref.rollout.gpu_memory_utilization=0.4. placement=cpu is for small models."
        ) from error
    return actor
