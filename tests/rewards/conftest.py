"""verl's real reward manager around each reward function, and a tiny tokenizer with a chat template."""

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

TEMPLATE = (
    "{{ '<|bos|>' }}{% for m in messages %}{{ '<|' + m['role'] + '|>' + m['content'] | trim + '<|eot|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
SPECIAL = ["<|pad|>", "<|bos|>", "<|eot|>", "<|cls|>", "<|system|>", "<|user|>", "<|assistant|>"]


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(["a story about a cat and a dog, the answer is \\boxed{18} #### 18"], trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        bos_token="<|bos|>",
        eos_token="<|eot|>",
        pad_token="<|pad|>",
        cls_token="<|cls|>",
        chat_template=TEMPLATE,
        model_max_length=512,
    )


@pytest.fixture
def scored(tokenizer: Any) -> Callable[..., list[dict[str, Any]]]:
    """Scores responses with a reward function, all at once, exactly as verl's reward workers do."""
    pytest.importorskip("verl", reason="verl is not installed")

    def score(
        function: str,
        responses: list[str],
        ground_truth: str = "",
        extra_info: dict[str, Any] | None = None,
        kwargs: dict[str, Any] | None = None,
        **manager_kwargs: Any,
    ) -> list[dict[str, Any]]:
        import torch
        from omegaconf import OmegaConf
        from tensordict import TensorDict
        from verl import DataProto
        from verl.trainer.ppo.reward import load_reward_manager

        config = OmegaConf.create(
            {
                "reward": {
                    "reward_manager": {"source": "register", "name": "naive"},
                    "custom_reward_function": {
                        "path": f"pkg://dqo_verl.rewards.{function}",
                        "name": "compute_score",
                        "reward_kwargs": kwargs or {},
                    },
                }
            }
        )
        manager = load_reward_manager(config, tokenizer, **manager_kwargs)
        items = []
        for response in responses:
            ids = torch.tensor([tokenizer(response, add_special_tokens=False)["input_ids"]], dtype=torch.long)
            mask = torch.ones(1, 1 + ids.shape[1], dtype=torch.long)
            items.append(
                DataProto(
                    batch=TensorDict(
                        {"prompts": torch.ones(1, 1, dtype=torch.long), "responses": ids, "attention_mask": mask}, 1
                    ),
                    non_tensor_batch={
                        "data_source": np.array(["test"], dtype=object),
                        "reward_model": np.array([{"style": "rule", "ground_truth": ground_truth}], dtype=object),
                        "extra_info": np.array([dict(extra_info or {})], dtype=object),
                    },
                )
            )

        async def run() -> list[dict[str, Any]]:
            return await asyncio.gather(*(manager.run_single(item) for item in items))

        results = manager.loop.run_until_complete(run())
        keys = {frozenset(result["reward_extra_info"]) for result in results}
        assert len(keys) == 1, "verl averages the keys in validation: they must be the same for every response"
        for result in results:
            assert all(isinstance(value, float) for value in result["reward_extra_info"].values())
            assert result["reward_score"] == result["reward_extra_info"]["score"]
        return [result["reward_extra_info"] for result in results]

    return score
