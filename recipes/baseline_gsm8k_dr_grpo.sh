#!/usr/bin/env bash
# Dr.GRPO on GSM8K (arXiv 2503.20783): no std division; token losses are summed and divided by a constant, RESPONSE (by default
# verl divides by the longest response of each micro batch). The logged entropy is divided by it, too. Otherwise settings of
# dqo_gsm8k_qwen.sh. DQO on Dr.GRPO: append +reward_model.diversity=dpp.
WITHOUT="ALPHA EMBEDDER"
source "$(dirname "${BASH_SOURCE[0]}")/dqo_gsm8k_qwen.sh" \
  algorithm.adv_estimator=grpo \
  actor_rollout_ref.actor.loss_agg_mode=seq-mean-token-sum-norm \
  actor_rollout_ref.actor.loss_scale_factor="${RESPONSE:-1024}" \
  "$@"
