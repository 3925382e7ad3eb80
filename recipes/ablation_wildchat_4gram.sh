#!/usr/bin/env bash
# Lexical ablation on WildChat, 8B (arXiv 2509.02534, Table 3): quality x 4-gram diversity. Settings and GPUs: darling_wildchat_llama8b.sh.
WITHOUT=CLASSIFIER
source "$(dirname "${BASH_SOURCE[0]}")/darling_wildchat_llama8b.sh" \
  algorithm.adv_estimator=grpo \
  +reward_model.diversity=ngram \
  '~algorithm.diversity.placement' \
  "$@"
