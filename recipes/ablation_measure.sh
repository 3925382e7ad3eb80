#!/usr/bin/env bash
# Three measures in DQO's place on GSM8K: determinant, mean pairwise distance, reward-augmented kernel (arXiv 2509.04784, its
# counter-example and its psi without pi_ref; no table compares them in training). Settings and GPUs: dqo_gsm8k_qwen.sh.
source "$(dirname "${BASH_SOURCE[0]}")/_common.sh"

knobs dqo_gsm8k_qwen.sh

run dqo dqo_gsm8k_qwen.sh "$@"
run pairwise dqo_gsm8k_qwen.sh algorithm.adv_estimator=grpo +reward_model.diversity=pairwise "$@"
run dqo_psi dqo_gsm8k_qwen.sh algorithm.adv_estimator=grpo +reward_model.diversity=dpp_quality "$@"
