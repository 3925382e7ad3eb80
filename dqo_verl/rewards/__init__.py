"""Reward functions for verl's `reward.custom_reward_function.path=pkg://dqo_verl.rewards.NAME name=compute_score`.

Each returns numbers under the same keys for every response, because verl averages every key in validation: `score`
(what is trained on), and `acc` or `quality` (the same before anything is done to it).
"""
