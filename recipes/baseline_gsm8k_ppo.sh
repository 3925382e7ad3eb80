#!/usr/bin/env bash
# Reward-only PPO with a critic on GSM8K, settings of dqo_gsm8k_qwen.sh. Not in DQO's tables.
# DQO on PPO: append +reward_model.diversity=dpp.
WITHOUT="ALPHA EMBEDDER"
source "$(dirname "${BASH_SOURCE[0]}")/dqo_gsm8k_qwen.sh" algorithm.adv_estimator=gae "$@"
