#!/usr/bin/env bash
# GRPO on DeepscaleR, Qwen3-14B-Base (arXiv 2509.02534, Table 10): reward only, with std division as in the published row.
# Settings and GPUs: darling_math_qwen3_14b.sh.
WITHOUT=CLASSIFIER
source "$(dirname "${BASH_SOURCE[0]}")/darling_math_qwen3_14b.sh" \
  algorithm.adv_estimator=grpo \
  algorithm.norm_adv_by_std_in_grpo=True \
  '~algorithm.diversity' \
  "$@"
