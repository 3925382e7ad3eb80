#!/usr/bin/env bash
# DQO on CNN/DailyMail, summarisation (arXiv 2509.04784): settings of dqo_dolly_llama.sh, with longer prompts.
#
#   bash recipes/dqo_cnn_dailymail_llama.sh [verl overrides ...]
#
# PROMPT=2048 RESPONSE=256 EPOCHS=1 are our choices: no source states them. GPUs and all other values: dqo_dolly_llama.sh.
DATASET=${DATASET-cnn_dailymail} PROMPT=${PROMPT-2048} RESPONSE=${RESPONSE-256} EPOCHS=${EPOCHS-1}
source "$(dirname "${BASH_SOURCE[0]}")/dqo_dolly_llama.sh" "$@"
