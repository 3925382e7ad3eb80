#!/usr/bin/env bash
# MaxRL on GSM8K (arXiv 2602.02710): reward over the mean of its group, no diversity; settings of dqo_gsm8k_qwen.sh, K=8: ours.
# DQO beside it: +reward_model.diversity=dpp behind.
WITHOUT="ALPHA EMBEDDER"
K=${K:-8}
source "$(dirname "${BASH_SOURCE[0]}")/dqo_gsm8k_qwen.sh" algorithm.adv_estimator=maxrl "$@"
