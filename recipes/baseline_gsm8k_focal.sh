#!/usr/bin/env bash
# F-GRPO's focal weight on GSM8K (arXiv 2602.06717): groups that are mostly right count less, no diversity; settings of dqo_gsm8k_qwen.sh,
# K=8 as in the paper. gamma=1 is our choice; append +algorithm.diversity.focal_gamma=... to change it.
WITHOUT="ALPHA EMBEDDER"
K=${K:-8}
source "$(dirname "${BASH_SOURCE[0]}")/dqo_gsm8k_qwen.sh" algorithm.adv_estimator=focal "$@"
