"""A real vLLM server with a tiny classifier behind verl's real router: the score is the model's own logit."""

import multiprocessing
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import LlamaConfig, LlamaForSequenceClassification

from dqo_verl.rewards import reward_model

PROMPT = [{"role": "user", "content": "Tell a story about a cat."}]
RESPONSES = ["a cat.", "a dog and a cat and a dog", "b", "the answer is \\boxed{18}"]
CONTEXT = 128


@pytest.fixture(scope="module")
def classifier(tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("reward-model")
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,  # vLLM's CPU attention wants a head size of at least 32
        max_position_embeddings=CONTEXT,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        num_labels=1,
        dtype="float32",
    )
    model = LlamaForSequenceClassification(config)
    torch.nn.init.normal_(model.score.weight, std=1.0)
    model.save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(url: str, process: Any, alive: Any) -> None:
    for _ in range(240):
        assert alive(), f"the server of {url} ended: {process}"
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(1)
    raise TimeoutError(url)


@pytest.fixture(scope="module")
def router(classifier: Path, serve_vllm: Any) -> Iterator[str]:
    from verl.experimental.reward_loop.router.naive_router import run_router

    urls, port = serve_vllm({str(classifier): classifier}), free_port()
    process = multiprocessing.get_context("spawn").Process(
        target=run_router, args=("127.0.0.1", port, urls), daemon=True
    )
    process.start()
    wait_for(f"http://127.0.0.1:{port}/v1/models", process, process.is_alive)
    yield f"127.0.0.1:{port}"
    process.kill()


def test_the_score_is_the_logit_of_the_last_token(scored, router: str, classifier: Path, tokenizer: Any) -> None:
    long = "a cat and a dog " * 50
    results = scored(
        "reward_model",
        [*RESPONSES, long],
        extra_info={"prompt": PROMPT},
        reward_router_address=router,
        reward_model_tokenizer=tokenizer,
    )
    model = LlamaForSequenceClassification.from_pretrained(classifier).eval()
    wanted = []
    for response in RESPONSES:
        messages = [*PROMPT, {"role": "assistant", "content": response}]
        ids = tokenizer.apply_chat_template(messages, tokenize=True, return_dict=False)
        with torch.inference_mode():
            wanted.append(model(input_ids=torch.tensor([ids])).logits.item())
    assert [result["quality"] for result in results[:-1]] == pytest.approx(wanted, abs=1e-3)
    assert len({round(score, 2) for score in wanted}) == len(wanted)
    assert [result["truncated"] for result in results] == [0.0] * len(RESPONSES) + [1.0]
    assert reward_model._limits[router] == CONTEXT


def test_verls_own_path_gives_the_same_number(scored, router: str, tokenizer: Any) -> None:
    """verl sends text for its own reward path; the server turns it into the same tokens."""
    import asyncio

    messages = [*PROMPT, {"role": "assistant", "content": RESPONSES[1]}]
    text = tokenizer.apply_chat_template(messages, tokenize=False)

    async def ask() -> Any:
        payload = {"input": text, "use_activation": False, "add_special_tokens": False}
        return await reward_model._request("POST", router, "classify", payload)

    theirs = asyncio.new_event_loop().run_until_complete(ask())["data"][-1]["probs"][-1]
    (ours,) = scored(
        "reward_model",
        RESPONSES[1:2],
        extra_info={"prompt": PROMPT},
        reward_router_address=router,
        reward_model_tokenizer=tokenizer,
    )
    assert ours["quality"] == pytest.approx(theirs, abs=1e-4)


def test_no_server_and_no_prompt_are_named(scored, tokenizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"reward\.reward_model\.enable_resource_pool=True"):
        scored("reward_model", ["a cat"], extra_info={"prompt": PROMPT})
    nobody = {"reward_router_address": f"127.0.0.1:{free_port()}", "reward_model_tokenizer": tokenizer}
    monkeypatch.setattr(reward_model, "SECONDS_BETWEEN", 0.01)
    with pytest.raises(RuntimeError, match=r"no answer in 5 attempts"):
        scored("reward_model", ["a cat"], extra_info={"prompt": PROMPT}, **nobody)
    reward_model._limits[nobody["reward_router_address"]] = CONTEXT
    with pytest.raises(KeyError, match=r"extra_info\.prompt"):
        scored("reward_model", ["a cat"], **nobody)
