#!/usr/bin/env bash
# DRA-GRPO on GSM8K: reward times graph-cut weight (arXiv 2505.09655), settings of dqo_gsm8k_qwen.sh. Not in DQO's tables.
WITHOUT=ALPHA
# a reward model's score may be negative: shift each group's minimum to 0 before multiplying
[ "${REWARD:-rule}" = rule ] || set -- +algorithm.diversity.quality_shift=group_min "$@"
source "$(dirname "${BASH_SOURCE[0]}")/dqo_gsm8k_qwen.sh" algorithm.adv_estimator=grpo +reward_model.diversity=graph_cut "$@"
