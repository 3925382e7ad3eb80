"""verl's replay buffer, polled 20 times a second instead of every 2 seconds: for tiny policies with shorter steps.

The demo's recipe sets it through verl's public hook:

    trainer.v1.sampler.custom_sampler.path=pkg://experiments.collapse.quick_buffer
    trainer.v1.sampler.custom_sampler.name=QuickReplayBuffer

verl does not pass `algorithm.filter_groups` to a custom buffer, so don't use it in runs that filter groups.
"""

from typing import Any

from verl.trainer.ppo.v1.replay_buffer import ReplayBuffer

SECONDS_BETWEEN_LOOKS = 0.05


class QuickReplayBuffer(ReplayBuffer):
    """verl's synchronous buffer with a shorter poll interval."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs, poll_interval=SECONDS_BETWEEN_LOOKS)
