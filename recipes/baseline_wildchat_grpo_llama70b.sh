#!/usr/bin/env bash
# GRPO on WildChat, 70B (arXiv 2509.02534, Table 1): reward only, with std division as in the published row
# (append algorithm.norm_adv_by_std_in_grpo=False for the row without it in Table 5).
# Settings and GPUs: darling_wildchat_llama70b.sh.
WITHOUT=CLASSIFIER
source "$(dirname "${BASH_SOURCE[0]}")/darling_wildchat_llama70b.sh" \
  algorithm.adv_estimator=grpo \
  algorithm.norm_adv_by_std_in_grpo=True \
  '~algorithm.diversity' \
  "$@"
