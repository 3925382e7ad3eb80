#!/usr/bin/env bash
# Std division on WildChat, 8B (arXiv 2509.02534, Table 5): {GRPO, 4-gram, partition} x {with, without}. Six runs.
# Settings and GPUs: darling_wildchat_llama8b.sh.
source "$(dirname "${BASH_SOURCE[0]}")/_common.sh"

knobs darling_wildchat_llama8b.sh

for std in True False; do
  run "reward_only-std$std" darling_wildchat_llama8b.sh algorithm.norm_adv_by_std_in_grpo=$std \
    algorithm.adv_estimator=grpo '~algorithm.diversity' "$@"
  run "ngram-std$std" darling_wildchat_llama8b.sh algorithm.norm_adv_by_std_in_grpo=$std \
    algorithm.adv_estimator=grpo '~algorithm.diversity' \
    +reward_model.diversity=ngram +algorithm.diversity.quality_shift=group_min "$@"
  run "darling-std$std" darling_wildchat_llama8b.sh algorithm.norm_adv_by_std_in_grpo=$std "$@"
done
