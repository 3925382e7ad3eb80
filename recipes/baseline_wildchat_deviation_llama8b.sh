#!/usr/bin/env bash
# Deviation weight on WildChat, 8B (diversified DPO for creative writing, arXiv 2503.17126): q_i * w_i, where w_i has mean 1 in
# each group. The paper weights a DPO loss with w_i; using it as a factor of GRPO's reward is our choice. Not in DARLING's
# tables. Settings and GPUs: darling_wildchat_llama8b.sh.
WITHOUT=CLASSIFIER
source "$(dirname "${BASH_SOURCE[0]}")/darling_wildchat_llama8b.sh" \
  algorithm.adv_estimator=grpo \
  +reward_model.diversity=deviation \
  "$@"
