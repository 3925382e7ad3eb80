#!/usr/bin/env bash
# DARLING with classes of the correct responses only (after partition_correct of the reference code; no table): GATE=0.5, FLOOR=0.1. Ours
# differs where a response is the only correct one: factor 1, in the reference code the floor. Settings and GPUs: darling_math_qwen3_4b.sh.
GATE=${GATE:-0.5} FLOOR=${FLOOR:-0.1}
source "$(dirname "${BASH_SOURCE[0]}")/darling_math_qwen3_4b.sh"
