#!/usr/bin/env bash
# DARLING on WildChat, Llama-3.3-70B-Instruct (arXiv 2509.02534, Tables 1 and 6): settings of darling_wildchat_llama8b.sh,
# batch 64. Four nodes of 8 x H200 as in the paper (estimated: dqo-verl doctor --recipe darling_wildchat_llama70b --gpus
# 4x8x141): start Ray on them, then this script on the head. TP=4, TOKENS=8192 and GPU_MEMORY=0.5 are our choices.
MODEL=${MODEL-meta-llama/Llama-3.3-70B-Instruct} BATCH=${BATCH-64} NNODES=${NNODES:-4} TP=${TP-4} TOKENS=${TOKENS-8192} GPU_MEMORY=${GPU_MEMORY-0.5}
source "$(dirname "${BASH_SOURCE[0]}")/darling_wildchat_llama8b.sh"
