#!/usr/bin/env bash
# DARLING with classes of the correct responses only: gate 0.5, floor 0.1 (partition_correct in the reference code; the paper
# has no table). One difference: the only correct response of a prompt has factor 1 here, and the floor in the reference code.
# Settings and GPUs: darling_math_qwen3_4b.sh.
source "$(dirname "${BASH_SOURCE[0]}")/darling_math_qwen3_4b.sh" +algorithm.diversity.gate=0.5 +algorithm.diversity.floor=0.1 "$@"
