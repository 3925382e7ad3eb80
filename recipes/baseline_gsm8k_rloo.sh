#!/usr/bin/env bash
# Reward-only RLOO on GSM8K, settings of dqo_gsm8k_qwen.sh. METHOD=dqo: DQO on RLOO. Not in DQO's tables.
METHOD=${METHOD:-reward_only} BASE=${BASE:-rloo}
source "$(dirname "${BASH_SOURCE[0]}")/dqo_gsm8k_qwen.sh"
