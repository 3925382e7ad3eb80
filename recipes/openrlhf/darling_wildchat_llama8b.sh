#!/usr/bin/env bash
# DARLING on WildChat in OpenRLHF, non-verifiable tasks (arXiv 2509.02534, Tables 1 and 6): q_i * v_i, n = 8, on dr_grpo (no std division).
#
#   bash recipes/openrlhf/darling_wildchat_llama8b.sh [OpenRLHF's flags ...]
#
# With GPUs: one node of 8; all models take turns on all GPUs, and the classifier shares them. Without: a tiny policy, reward
# model and classifier.
# Where each value comes from: recipes/darling_wildchat_llama8b.sh, the same experiment in verl, except
#   RM=Skywork/Skywork-Reward-V2-Llama-3.1-8B     ours: OpenRLHF needs a reward model with a `score` head, which Athene lacks
#   GPU_MEMORY=0.5 MICRO=4                        ours
source "$(dirname "${BASH_SOURCE[0]}")/_common.sh"

knobs K=8 CLASSIFIER=dogtooth/similarity-classifier-f168-hf RM=Skywork/Skywork-Reward-V2-Llama-3.1-8B \
  MODEL=meta-llama/Llama-3.1-8B-Instruct LR=1e-6 BATCH=32 KL=0.001 EPOCHS=10 PROMPT=512 RESPONSE=1024 MICRO=4 TP=1 GPU_MEMORY=0.5
prepare_data wildchat10k/train

ARGS=(
  --algo.advantage.estimator darling
  ${CLASSIFIER:+--algo.diversity.classifier "$CLASSIFIER"}
  --algo.diversity.placement shared
  --algo.diversity.quality_shift group_min
  --reward.model_name_or_path "$RM"
  --reward.clip_range -100 100
  --algo.kl.use_loss
  --algo.kl.estimator k3
  --data.prompt_dataset "$DATA/wildchat10k/train.parquet"
  --ckpt.save_steps 200
)
train "$@"
