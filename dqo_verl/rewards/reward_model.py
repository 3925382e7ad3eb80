"""Quality from a reward model that verl serves with vLLM (`reward.reward_model.enable=True`), through verl's router.

    reward.reward_model.enable=True reward.reward_model.enable_resource_pool=True
    reward.custom_reward_function.path=pkg://dqo_verl.rewards.reward_model

verl then passes the router's address and the reward model's tokenizer to this function. Without a separate resource pool,
verl 0.9.1 scores batches that lack data_source, ground truth and extra_info, so no custom function can work.
The score is the model's last output before any activation, as in verl's own code. The request has tokens instead of text, so
the server adds and cuts nothing. The data must have the prompt in `extra_info.prompt`.
"""

import asyncio
from typing import Any

import aiohttp

from dqo_verl.models.conversation import prompt_of, tokens

# The router answers 500 to every failure, so even refused requests are retried.
ATTEMPTS = 5
SECONDS_BETWEEN = 2.0
TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=30, sock_read=600)

_limits: dict[str, int] = {}


async def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: str,
    extra_info: Any = None,
    reward_router_address: str | None = None,
    reward_model_tokenizer: Any = None,
    **_: Any,
) -> dict[str, float]:
    if reward_router_address is None:
        raise ValueError(
            "no reward model is served: set reward.reward_model.enable=True, reward.reward_model.model_path=... and "
            "reward.reward_model.enable_resource_pool=True, or use pkg://dqo_verl.rewards.hf_scorer, which loads the model "
            "itself"
        )
    if reward_router_address not in _limits:
        models = await _request("GET", reward_router_address, "v1/models")
        _limits[reward_router_address] = int(models["data"][0]["max_model_len"])
    ids, cut = tokens(reward_model_tokenizer, prompt_of(extra_info), solution_str, _limits[reward_router_address])
    answer = await _request("POST", reward_router_address, "classify", {"input": ids, "use_activation": False})
    quality = float(answer["data"][-1]["probs"][-1])
    return {"score": quality, "quality": quality, "truncated": float(cut)}


async def _request(method: str, address: str, endpoint: str, payload: Any = None) -> Any:
    url = f"http://{address}/{endpoint}"
    for attempt in range(1, ATTEMPTS + 1):
        try:
            async with (
                aiohttp.ClientSession(timeout=TIMEOUT) as session,
                session.request(method, url, json=payload) as response,
            ):
                response.raise_for_status()
                return await response.json()
        except (aiohttp.ClientError, asyncio.TimeoutError) as error:
            if attempt == ATTEMPTS:
                raise RuntimeError(
                    f"the reward model at {url} gave no answer in {ATTEMPTS} attempts. Last error: {error!r}. "
                    "See the log of its vLLM server for the cause."
                ) from error
            await asyncio.sleep(SECONDS_BETWEEN * attempt)
