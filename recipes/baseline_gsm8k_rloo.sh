#!/usr/bin/env bash
# Reward-only RLOO on GSM8K, settings of dqo_gsm8k_qwen.sh. DQO on RLOO: +reward_model.diversity=dpp behind. Not in DQO's tables.
WITHOUT="ALPHA EMBEDDER"
source "$(dirname "${BASH_SOURCE[0]}")/dqo_gsm8k_qwen.sh" algorithm.adv_estimator=rloo "$@"
