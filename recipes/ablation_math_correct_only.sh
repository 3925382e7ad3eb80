#!/usr/bin/env bash
# DARLING with classes of the correct responses only (after partition_correct of the reference code; no table): gate 0.5, floor 0.1. Ours
# differs where a response is the only correct one: factor 1, in the reference code the floor. Settings and GPUs: darling_math_qwen3_4b.sh.
source "$(dirname "${BASH_SOURCE[0]}")/darling_math_qwen3_4b.sh" +algorithm.diversity.gate=0.5 +algorithm.diversity.floor=0.1 "$@"
