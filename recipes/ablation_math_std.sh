#!/usr/bin/env bash
# Std division on mathematics, 4B (arXiv 2509.02534, Table 11): GRPO with and without. Settings and GPUs: darling_math_qwen3_4b.sh.
source "$(dirname "${BASH_SOURCE[0]}")/_common.sh"

WITHOUT=CLASSIFIER
knobs darling_math_qwen3_4b.sh

for std in True False; do
  run "grpo-std$std" baseline_math_grpo_qwen3_4b.sh algorithm.norm_adv_by_std_in_grpo=$std "$@"
done
