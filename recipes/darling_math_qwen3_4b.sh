#!/usr/bin/env bash
# DARLING on DeepscaleR, verifiable tasks, Qwen3-4B-Base (arXiv 2509.02534, Tables 4, 7 and 9): q_i * v_i, n = 8, no std, no KL.
#
#   bash recipes/darling_math_qwen3_4b.sh [verl overrides ...]
#
# With GPUs: the paper used 8 nodes of 8 (NNODES=8); one node of 8 x 80 GB does the same more slowly (estimated). The classifier (4B)
# shares the training GPUs. Without: a tiny policy and classifier through the same engine.
#
# Knobs (environment), with where each value comes from; the others are in _common.sh and _methods.sh:
#   K=8 LR=1e-6 KL=0 PROMPT=1024 RESPONSE=8192 BATCH=256 MINI=64 EPOCHS=10   Table 7; clip (0.2, 0.2) is verl's default
#   STD=False                                      the paper, section 3
#   CLASSIFIER=dogtooth/qwen3-4b-emb-finetuned-step-70-hf   named by the authors (facebookresearch/darling#1); threshold 0.5 (reference code)
#   FLOOR                                          empty: the paper has none (reference code: 0.1)
#   GATE                                           empty: all are compared; 0.5: the correct ones only
#   NNODES=1 GPU_MEMORY=0.6 TOKENS=20480           ours (the paper: 8 nodes, memory 0.7)
#   validation n=8, T=0.6, top-p 0.95              reference code
METHOD=${METHOD:-darling} BASE=${BASE:-grpo} STD=${STD:-False} K=${K:-8}
MODEL=${MODEL:-Qwen/Qwen3-4B-Base} LR=${LR:-1e-6} BATCH=${BATCH:-256} MINI=${MINI:-64} KL=${KL:-0} EPOCHS=${EPOCHS:-10}
PROMPT=${PROMPT:-1024} RESPONSE=${RESPONSE:-8192} TOKENS=${TOKENS:-20480}
CLASSIFIER=${CLASSIFIER-dogtooth/qwen3-4b-emb-finetuned-step-70-hf} PLACEMENT=${PLACEMENT:-shared}
source "$(dirname "${BASH_SOURCE[0]}")/_common.sh"

method
use_data deepscaler10k/train aime25/test hmmt25/test brumo25/test olympiadbench/test
rule math
ARGS+=(
  actor_rollout_ref.rollout.val_kwargs.temperature=0.6 actor_rollout_ref.rollout.val_kwargs.top_p=0.95
  actor_rollout_ref.rollout.val_kwargs.n=8
)
train "$@"
