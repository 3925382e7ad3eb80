#!/usr/bin/env bash
# DARLING on DeepscaleR, Qwen3-14B-Base (arXiv 2509.02534, Table 10): settings of darling_math_qwen3_4b.sh.
# The paper used 8 nodes of 8 GPUs. Here two nodes (estimated: dqo-verl doctor --recipe darling_math_qwen3_14b --gpus 2x8x80);
# NNODES=2 and TP=2 are our choices.
MODEL=${MODEL-Qwen/Qwen3-14B-Base} NNODES=${NNODES:-2} TP=${TP-2}
source "$(dirname "${BASH_SOURCE[0]}")/darling_math_qwen3_4b.sh"
