#!/usr/bin/env bash
# PKPO on GSM8K (arXiv 2505.15201): optimises the best of sets of 4 responses, no diversity; settings of dqo_gsm8k_qwen.sh. K=8
# is our choice. For the form of arXiv 2508.10751 append algorithm.adv_estimator=pass_training; for sets of 2 append
# +algorithm.diversity.sets_of=2.
WITHOUT="ALPHA EMBEDDER"
K=${K:-8}
source "$(dirname "${BASH_SOURCE[0]}")/dqo_gsm8k_qwen.sh" algorithm.adv_estimator=pkpo "$@"
