#!/usr/bin/env bash
# Three measures of diversity on GSM8K: DQO's determinant, mean pairwise distance, reward-augmented kernel (in arXiv 2509.04784
# the last two are its counter-example and its psi, here without pi_ref; no table compares them in training).
# Settings and GPUs: dqo_gsm8k_qwen.sh.
source "$(dirname "${BASH_SOURCE[0]}")/_common.sh"

knobs dqo_gsm8k_qwen.sh

run dqo dqo_gsm8k_qwen.sh "$@"
run pairwise dqo_gsm8k_qwen.sh algorithm.adv_estimator=grpo +reward_model.diversity=pairwise "$@"
run dqo_psi dqo_gsm8k_qwen.sh algorithm.adv_estimator=grpo +reward_model.diversity=dpp_quality "$@"
