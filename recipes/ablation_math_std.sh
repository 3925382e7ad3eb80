#!/usr/bin/env bash
# Std division on mathematics, 4B (arXiv 2509.02534, Table 11): GRPO with and without. Settings and GPUs: darling_math_qwen3_4b.sh.
source "$(dirname "${BASH_SOURCE[0]}")/_sweep.sh"
for std in True False; do
  METHOD=reward_only STD=$std run "grpo-std$std" darling_math_qwen3_4b.sh "$@"
done
