#!/usr/bin/env bash
# Reward-only GRPO on GSM8K: the base of dqo_gsm8k_qwen.sh, same settings (arXiv 2509.04784). For std division
# append algorithm.norm_adv_by_std_in_grpo=True.
WITHOUT="ALPHA EMBEDDER"
source "$(dirname "${BASH_SOURCE[0]}")/dqo_gsm8k_qwen.sh" algorithm.adv_estimator=grpo "$@"
