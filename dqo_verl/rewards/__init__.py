"""Reward functions for verl's `reward.custom_reward_function.path=pkg://dqo_verl.rewards.NAME name=compute_score`.

Each returns the same keys for every response, because verl averages every key in validation: `score` (the reward that is
trained on), and `acc` or `quality` (the same number, which shaping does not change).
"""
