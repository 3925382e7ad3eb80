#!/usr/bin/env bash
# Uniqueness-aware RL on GSM8K (arXiv 2601.08763): the advantage divided by the size of its class, K=8; settings of dqo_gsm8k_qwen.sh. Classes:
# final answers, without a model; the paper's are strategies, named by a judge.
WITHOUT="ALPHA EMBEDDER"
K=${K:-8}
source "$(dirname "${BASH_SOURCE[0]}")/dqo_gsm8k_qwen.sh" algorithm.adv_estimator=uniqueness +algorithm.diversity.classes=answer "$@"
