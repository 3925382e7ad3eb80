#!/usr/bin/env bash
# MaxRL on GSM8K (arXiv 2602.02710): reward divided by its group's mean, no diversity; settings of dqo_gsm8k_qwen.sh. K=8 is
# our choice. MaxRL with DQO: append +reward_model.diversity=dpp.
WITHOUT="ALPHA EMBEDDER"
K=${K:-8}
source "$(dirname "${BASH_SOURCE[0]}")/dqo_gsm8k_qwen.sh" algorithm.adv_estimator=maxrl "$@"
