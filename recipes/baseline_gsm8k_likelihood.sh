#!/usr/bin/env bash
# GRPO-likelihood on GSM8K (unlikeliness reward, arXiv 2506.02355), settings of dqo_gsm8k_qwen.sh. rank_penalty 0.25 is from
# 2506.02355; no source states whether DQO used it. That paper also used 2 to 3 PPO epochs and KL 0.1: write KL=0.1 in
# front of the command and append actor_rollout_ref.actor.ppo_epochs=2.
WITHOUT="ALPHA EMBEDDER"
# a reward model's score may be negative: shift each group's minimum to 0 before multiplying
[ "${REWARD:-rule}" = rule ] || set -- +algorithm.diversity.quality_shift=group_min "$@"
source "$(dirname "${BASH_SOURCE[0]}")/dqo_gsm8k_qwen.sh" algorithm.adv_estimator=grpo +reward_model.diversity=likelihood "$@"
