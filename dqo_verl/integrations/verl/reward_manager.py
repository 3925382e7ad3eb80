"""A reward manager that leaves verl's reward unchanged and sends each finished response to the feature service."""

from functools import cached_property
from typing import Any

from verl.experimental.reward_loop.reward_manager.base import RewardManagerBase
from verl.trainer.ppo.reward import resolve_reward_manager_cls

from dqo_verl.core.keys import ResponseKey
from dqo_verl.core.sources import Model
from dqo_verl.integrations.verl.launch import settings_of
from dqo_verl.streaming.service import Submitter

# number of turns: the user's and the model's
SINGLE_TURN = 2


class StreamingRewardManager(RewardManagerBase):
    """Wraps the reward manager that the user configured, whose config is in `reward.reward_manager.wraps`."""

    def __init__(self, config: Any, tokenizer: Any, compute_score: Any, **kwargs: Any):
        super().__init__(config, tokenizer, compute_score)
        quality_config = config.copy()
        quality_config.reward.reward_manager = config.reward.reward_manager.wraps
        # not `load_reward_manager`, which would run the file of a custom reward function a second time
        manager = resolve_reward_manager_cls(quality_config)
        self.quality = manager(config=quality_config, tokenizer=tokenizer, compute_score=compute_score, **kwargs)

    @cached_property
    def source(self) -> Model:
        source = settings_of(self.config.algorithm).source
        assert isinstance(source, Model)
        return source

    @cached_property
    def submitter(self) -> Submitter:
        return Submitter(self.source)

    async def run_single(self, data: Any) -> dict[str, Any]:
        """Stream only single-turn responses with one output: others may contain text that the model did not write.

        Features of the others are computed when the trainer collects.
        """
        extra = data.non_tensor_batch
        if len(data) == 1 and extra.get("__num_turns__", [0])[0] == SINGLE_TURN:
            response = data.batch["responses"][0]
            length = int(data.batch["attention_mask"][0][-len(response) :].sum())
            text = await self.loop.run_in_executor(
                None, lambda: self.tokenizer.decode(response[:length], skip_special_tokens=True)
            )
            key = ResponseKey(str(extra["uid"][0]), int(extra["session_id"][0]))
            self.submitter.submit(key, self.source.compared(text))
        return await self.quality.run_single(data)
