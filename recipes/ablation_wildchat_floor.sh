#!/usr/bin/env bash
# Floor of DARLING's factor: 0 (the paper) and 0.1 (its code); no table compares them. Settings and GPUs: darling_wildchat_llama8b.sh.
source "$(dirname "${BASH_SOURCE[0]}")/_common.sh"

knobs darling_wildchat_llama8b.sh

for floor in 0.0 0.1; do
  run "floor$floor" darling_wildchat_llama8b.sh +algorithm.diversity.floor=$floor "$@"
done
