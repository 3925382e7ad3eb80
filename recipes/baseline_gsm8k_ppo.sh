#!/usr/bin/env bash
# Reward-only PPO with a critic on GSM8K, settings of dqo_gsm8k_qwen.sh. METHOD=dqo: DQO on PPO. Not in DQO's tables.
METHOD=${METHOD:-reward_only} BASE=${BASE:-gae}
source "$(dirname "${BASH_SOURCE[0]}")/dqo_gsm8k_qwen.sh"
