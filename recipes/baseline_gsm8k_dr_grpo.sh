#!/usr/bin/env bash
# Dr.GRPO on GSM8K (arXiv 2503.20783): no std division, token losses summed and divided by a constant, RESPONSE (without it verl
# divides by the longest response of each micro batch; the logged entropy is divided by it, too); otherwise dqo_gsm8k_qwen.sh.
# DQO on it: +reward_model.diversity=dpp behind.
WITHOUT="ALPHA EMBEDDER"
source "$(dirname "${BASH_SOURCE[0]}")/dqo_gsm8k_qwen.sh" \
  algorithm.adv_estimator=grpo \
  actor_rollout_ref.actor.loss_agg_mode=seq-mean-token-sum-norm \
  actor_rollout_ref.actor.loss_scale_factor="${RESPONSE:-1024}" \
  "$@"
