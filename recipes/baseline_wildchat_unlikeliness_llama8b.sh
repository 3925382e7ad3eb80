#!/usr/bin/env bash
# GRPO-Unlikeliness on WildChat, 8B (arXiv 2509.02534, Table 1; method of 2506.02355). Settings and GPUs: darling_wildchat_llama8b.sh.
# No source states the constants of this experiment. Our choices: rank_penalty 0.25 (from 2506.02355), group_min before
# multiplying, std division.
WITHOUT=CLASSIFIER
source "$(dirname "${BASH_SOURCE[0]}")/darling_wildchat_llama8b.sh" \
  algorithm.adv_estimator=grpo \
  algorithm.norm_adv_by_std_in_grpo=True \
  +reward_model.diversity=likelihood \
  '~algorithm.diversity.placement' \
  "$@"
