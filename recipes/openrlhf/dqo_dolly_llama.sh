#!/usr/bin/env bash
# DQO on Dolly in OpenRLHF, instruction following, with PPO as the base (arXiv 2509.04784): a critic, a reward model, k = 4.
#
#   bash recipes/openrlhf/dqo_dolly_llama.sh [OpenRLHF's flags ...]
#
# With GPUs: one node; all models take turns on all GPUs. Without: a tiny policy, critic and reward model, on the same engine.
# Where each value comes from: recipes/dqo_dolly_llama.sh, the same experiment in verl, except GPU_MEMORY=0.5 MICRO=8 (ours).
source "$(dirname "${BASH_SOURCE[0]}")/_common.sh"

knobs K=4 ALPHA EMBEDDER RM=Skywork/Skywork-Reward-V2-Llama-3.1-8B MODEL=meta-llama/Llama-3.2-3B-Instruct LR=1e-6 BATCH=128 \
  KL=0.001 EPOCHS=3 PROMPT=1024 RESPONSE=512 MICRO=8 TP=1 GPU_MEMORY=0.5 DATASET=dolly
prepare_data "$DATASET/train"

ARGS=(
  --algo.advantage.estimator dqo
  # PPO
  --algo.diversity.base gae
  ${ALPHA:+--algo.diversity.alpha "$ALPHA"}
  ${EMBEDDER:+--algo.diversity.embedder "$EMBEDDER"}
  --reward.model_name_or_path "$RM"
  # alpha is in units of the reward model's scores
  --reward.clip_range -100 100
  --critic.adam.lr 1e-5
  --algo.kl.use_loss
  --algo.kl.estimator k3
  --data.prompt_dataset "$DATA/$DATASET/train.parquet"
  --ckpt.save_steps 50
)
train "$@"
