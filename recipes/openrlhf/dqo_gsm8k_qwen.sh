#!/usr/bin/env bash
# DQO on GSM8K in OpenRLHF (arXiv 2509.04784): r_i + alpha * d_i, k = 4 responses per prompt, on dr_grpo (no std division).
#
#   bash recipes/openrlhf/dqo_gsm8k_qwen.sh [OpenRLHF's flags ...]
#   bash recipes/openrlhf/dqo_gsm8k_qwen.sh --algo.advantage.estimator darling        DARLING instead
#   bash recipes/openrlhf/dqo_gsm8k_qwen.sh --algo.advantage.estimator dr_grpo        the reward-only baseline
#
# With GPUs: one node; all models take turns on all GPUs.
# Without: a tiny policy on the same engine (Ray, DeepSpeed, vLLM), in minutes.
# Where each value comes from: recipes/dqo_gsm8k_qwen.sh, the same experiment in verl, except MICRO=8 (ours).
source "$(dirname "${BASH_SOURCE[0]}")/_common.sh"

knobs K=4 ALPHA EMBEDDER MODEL=Qwen/Qwen2.5-1.5B-Instruct LR=1e-6 BATCH=128 KL=0.001 EPOCHS=15 PROMPT=512 RESPONSE=1024 \
  MICRO=8 TP=1 GPU_MEMORY=0.6
prepare_data gsm8k/train gsm8k/test

ARGS=(
  --algo.advantage.estimator dqo
  ${ALPHA:+--algo.diversity.alpha "$ALPHA"}
  ${EMBEDDER:+--algo.diversity.embedder "$EMBEDDER"}
  --reward.remote_url pkg://dqo_verl.rewards.gsm8k
  --algo.kl.use_loss
  --algo.kl.estimator k3
  --data.prompt_dataset "$DATA/gsm8k/train.parquet"
  --data.label_key reward_model
  --eval.dataset "$DATA/gsm8k/test.parquet"
  --eval.temperature 1.0
  --eval.n_samples_per_prompt 4
  --eval.steps 10
  --ckpt.save_steps 50
)
train "$@"
