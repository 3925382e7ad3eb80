#!/usr/bin/env bash
# Deviation weight on WildChat, 8B (diversified DPO for creative writing, arXiv 2503.17126): q_i * w_i, w_i of mean 1 in each group. In that
# paper it weights a DPO loss; as a factor of GRPO's reward: ours. Not in DARLING's tables. Settings and GPUs: darling_wildchat_llama8b.sh.
WITHOUT=CLASSIFIER
source "$(dirname "${BASH_SOURCE[0]}")/darling_wildchat_llama8b.sh" \
  algorithm.adv_estimator=grpo \
  +reward_model.diversity=deviation \
  "$@"
