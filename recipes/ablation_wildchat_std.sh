#!/usr/bin/env bash
# Std division on WildChat, 8B (arXiv 2509.02534, Table 5): {GRPO, 4-gram, partition} x {with, without}. Six runs.
# Settings and GPUs: darling_wildchat_llama8b.sh.
source "$(dirname "${BASH_SOURCE[0]}")/_sweep.sh"
for method in reward_only ngram darling; do
  for std in True False; do
    METHOD=$method STD=$std run "$method-std$std" darling_wildchat_llama8b.sh "$@"
  done
done
