"""verl's replay buffer, asked 20 times a second instead of every 2 seconds: for policies whose steps last less.

Through verl's public hook, in the tiny recipes:

    trainer.v1.sampler.custom_sampler.path=pkg://experiments.collapse.quick_buffer
    trainer.v1.sampler.custom_sampler.name=QuickReplayBuffer

verl hands a custom buffer no `algorithm.filter_groups`: not for runs that filter groups.
"""

from typing import Any

from verl.trainer.ppo.v1.replay_buffer import ReplayBuffer

SECONDS_BETWEEN_LOOKS = 0.05


class QuickReplayBuffer(ReplayBuffer):
    """The synchronous buffer; only the pause between two looks is shorter."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs, poll_interval=SECONDS_BETWEEN_LOOKS)
