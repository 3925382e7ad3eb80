#!/usr/bin/env bash
# DARLING on WildChat, non-verifiable tasks, Llama-3.1-8B-Instruct (arXiv 2509.02534, Tables 1 and 6): q_i * v_i, n = 8, no std.
#
#   bash recipes/darling_wildchat_llama8b.sh [verl overrides ...]
#
# With GPUs: one node of 8 x H200 as in the paper. Reward model (8B) and classifier share the training GPUs. Without: a tiny policy,
# reward model and classifier through the same engine.
#
# Knobs (environment), with where each value comes from; the others are in _common.sh and _methods.sh:
#   K=8 LR=1e-6 KL=0.001 (low_var_kl) PROMPT=512 RESPONSE=1024 EPOCHS=10     Table 6
#   BATCH=32, mini-batch the same                  Table 6 (the reference code's script says 64)
#   STD=False                                      the paper, section 3; token-mean loss is verl's default
#   RM=Nexusflow/Athene-RM-8B                      the paper; vLLM cannot serve it, so it runs in process
#   CLASSIFIER=dogtooth/similarity-classifier-f168-hf   the authors' ModernBERT, threshold 0.32 (reference code)
#   SHIFT=group_min                                ours: raw Athene scores are mostly negative, and a larger factor would punish
#                                                  diversity. The paper does not speak of it; the reference code multiplies them raw
#   FLOOR                                          empty: the paper has none (reference code: 0.1)
#   GPU_MEMORY=0.6                                 ours: the paper's 0.8 leaves no room for the two models on the same GPUs
#   validation on NoveltyBench's 100 curated prompts, n=8, T=1               ours (n and T: reference code)
METHOD=${METHOD:-darling} BASE=${BASE:-grpo} STD=${STD:-False} K=${K:-8}
MODEL=${MODEL:-meta-llama/Llama-3.1-8B-Instruct} LR=${LR:-1e-6} BATCH=${BATCH:-32} KL=${KL:-0.001} EPOCHS=${EPOCHS:-10}
PROMPT=${PROMPT:-512} RESPONSE=${RESPONSE:-1024} SHIFT=${SHIFT:-group_min}
CLASSIFIER=${CLASSIFIER-dogtooth/similarity-classifier-f168-hf} PLACEMENT=${PLACEMENT:-shared}
source "$(dirname "${BASH_SOURCE[0]}")/_common.sh"

method
use_data wildchat10k/train noveltybench/curated
in_process_reward_model "${RM:-Nexusflow/Athene-RM-8B}"
ARGS+=(
  actor_rollout_ref.rollout.val_kwargs.temperature=1.0 actor_rollout_ref.rollout.val_kwargs.n=8
  trainer.test_freq=200 trainer.save_freq=200
)
train "$@"
