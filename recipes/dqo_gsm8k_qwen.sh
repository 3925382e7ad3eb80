#!/usr/bin/env bash
# DQO on GSM8K with GRPO as the base (arXiv 2509.04784): r_i + alpha * d_i, k = 4 responses per prompt.
#
#   bash recipes/dqo_gsm8k_qwen.sh [verl overrides ...]
#   bash recipes/dqo_gsm8k_qwen.sh algorithm.adv_estimator=darling     DARLING instead
#   bash recipes/dqo_gsm8k_qwen.sh algorithm.adv_estimator=grpo        the reward-only baseline
#
# With GPUs: one node, 24 GB each is enough for 1.5B parameters (estimated). Without: a tiny policy through the same engine, minutes.
#
# Knobs (environment), with where each value comes from; the others are in _common.sh and _methods.sh:
#   K=4            responses per prompt            the paper's default
#   ALPHA          weight of diversity, 1.0        the paper's main setting (its sweep: 0.5 to 5)
#   METHOD=dqo BASE=grpo                           the paper's base for reasoning
#   REWARD=rule    the number after ####, as verl's rule for GSM8K (ours also logs the text after it), or `model`: the paper used a reward model, named by no source,
#                  because it saw an outcome rule hacked (right answer first, then noise). Against that, with the rule:
#                  +algorithm.diversity.answer_only=true
#   RM=Skywork/Skywork-Reward-V2-Llama-3.1-8B      ours, for REWARD=model (two GPUs at least)
#   MODEL=Qwen/Qwen2.5-1.5B-Instruct               ours: no source states the paper's model
#   LR=1e-6 BATCH=128 KL=0.001 EPOCHS=15 PROMPT=512 RESPONSE=1024     ours: no source states them
#   STD=False      std division of GRPO            ours: no source states it; with it alpha cancels in groups of equal reward
METHOD=${METHOD:-dqo} BASE=${BASE:-grpo} STD=${STD:-False} K=${K:-4}
MODEL=${MODEL:-Qwen/Qwen2.5-1.5B-Instruct} LR=${LR:-1e-6} BATCH=${BATCH:-128} KL=${KL:-0.001} EPOCHS=${EPOCHS:-15}
PROMPT=${PROMPT:-512} RESPONSE=${RESPONSE:-1024} REWARD=${REWARD:-rule}
SHIFT=${SHIFT-$([ "$REWARD" = rule ] || echo group_min)} # of methods that multiply; a reward model's score may be negative
source "$(dirname "${BASH_SOURCE[0]}")/_common.sh"

method
use_data gsm8k/train gsm8k/test
if [ "$REWARD" = rule ]; then rule gsm8k; else served_reward_model "${RM:-Skywork/Skywork-Reward-V2-Llama-3.1-8B}"; fi
ARGS+=(
  actor_rollout_ref.rollout.val_kwargs.temperature=1.0 actor_rollout_ref.rollout.val_kwargs.n=4
  trainer.test_freq=10
)
train "$@"
