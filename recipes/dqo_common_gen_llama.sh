#!/usr/bin/env bash
# DQO on CommonGen, story generation (arXiv 2509.04784): settings of dqo_dolly_llama.sh, with short prompts.
#
#   bash recipes/dqo_common_gen_llama.sh [verl overrides ...]
#
# PROMPT=256 RESPONSE=256 EPOCHS=1 are our choices: no source states them. GPUs and all other values: dqo_dolly_llama.sh.
DATASET=${DATASET-common_gen} PROMPT=${PROMPT-256} RESPONSE=${RESPONSE-256} EPOCHS=${EPOCHS-1}
source "$(dirname "${BASH_SOURCE[0]}")/dqo_dolly_llama.sh" "$@"
