#!/usr/bin/env bash
# DQO on Dolly, instruction following, with PPO as the base (arXiv 2509.04784): a critic, a reward model, k = 4.
#
#   bash recipes/dqo_dolly_llama.sh [verl overrides ...]
#
# With GPUs: one node; half of the GPUs train 3B parameters with a critic, half serve the reward model (80 GB each, estimated).
# Without: a tiny policy, critic and reward model through the same engine.
#
# Knobs (environment), with where each value comes from; the others are in _common.sh and _methods.sh:
#   K=4 ALPHA (1.0)                                the paper's
#   METHOD=dqo BASE=gae                            the paper: PPO for tasks other than reasoning
#   MODEL=meta-llama/Llama-3.2-3B-Instruct         ours: no source states the paper's model
#   RM=Skywork/Skywork-Reward-V2-Llama-3.1-8B      ours: no source states the reward model. alpha is in units of its reward
#   LR=1e-6 CRITIC_LR=1e-5 BATCH=128 KL=0.001 EPOCHS=3 PROMPT=1024 RESPONSE=512     ours: no source states them
METHOD=${METHOD:-dqo} BASE=${BASE:-gae} STD=${STD:-False} K=${K:-4}
MODEL=${MODEL:-meta-llama/Llama-3.2-3B-Instruct} LR=${LR:-1e-6} BATCH=${BATCH:-128} KL=${KL:-0.001} EPOCHS=${EPOCHS:-3}
PROMPT=${PROMPT:-1024} RESPONSE=${RESPONSE:-512} DATASET=${DATASET:-dolly} SHIFT=${SHIFT:-group_min}
source "$(dirname "${BASH_SOURCE[0]}")/_common.sh"

method
use_data "$DATASET/train" "$DATASET/test"
served_reward_model "${RM:-Skywork/Skywork-Reward-V2-Llama-3.1-8B}"
ARGS+=(
  critic.optim.lr="${CRITIC_LR:-1e-5}"
  data.val_max_samples=500
  actor_rollout_ref.rollout.val_kwargs.temperature=1.0 actor_rollout_ref.rollout.val_kwargs.n=4
)
train "$@"
