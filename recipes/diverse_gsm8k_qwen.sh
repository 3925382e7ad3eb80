#!/usr/bin/env bash
# `diverse` on GSM8K: DQO's bonus only for responses with a reward above the batch's mean, in units of the gap between rewards
# (docs/alpha_and_k.md). The method is ours, in none of the papers. Settings of dqo_gsm8k_qwen.sh. To steer alpha, append
# +algorithm.diversity.target=0.8.
source "$(dirname "${BASH_SOURCE[0]}")/dqo_gsm8k_qwen.sh" algorithm.adv_estimator=diverse "$@"
