#!/usr/bin/env bash
# GRPO-likelihood on CommonGen (unlikeliness reward, arXiv 2506.02355), settings of dqo_common_gen_llama.sh.
# rank_penalty 0.25 is from 2506.02355; no source states whether DQO used it. Our choices: group_min, which makes the reward
# model's score safe to multiply, and no std division.
WITHOUT="ALPHA EMBEDDER"
source "$(dirname "${BASH_SOURCE[0]}")/dqo_common_gen_llama.sh" \
  algorithm.adv_estimator=grpo \
  '~algorithm.diversity.base' \
  +reward_model.diversity=likelihood \
  +algorithm.diversity.quality_shift=group_min \
  "$@"
