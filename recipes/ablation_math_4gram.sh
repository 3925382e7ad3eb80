#!/usr/bin/env bash
# Lexical ablation on mathematics, 4B (arXiv 2509.02534, Table 4): quality x 4-gram diversity. Settings and GPUs: darling_math_qwen3_4b.sh.
WITHOUT=CLASSIFIER
source "$(dirname "${BASH_SOURCE[0]}")/darling_math_qwen3_4b.sh" \
  algorithm.adv_estimator=grpo \
  '~algorithm.diversity' \
  +reward_model.diversity=ngram \
  "$@"
