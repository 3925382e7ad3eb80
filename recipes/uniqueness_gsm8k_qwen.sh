#!/usr/bin/env bash
# Uniqueness-aware RL on GSM8K (arXiv 2601.08763): divides the advantage of a response by the size of its class, K=8; settings
# of dqo_gsm8k_qwen.sh. The classes here are final answers and need no model; the paper's are strategies, which a judge names.
WITHOUT="ALPHA EMBEDDER"
K=${K:-8}
source "$(dirname "${BASH_SOURCE[0]}")/dqo_gsm8k_qwen.sh" algorithm.adv_estimator=uniqueness +algorithm.diversity.classes=answer "$@"
