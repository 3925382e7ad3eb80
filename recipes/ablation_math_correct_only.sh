#!/usr/bin/env bash
# DARLING with classes of the correct responses only (reference code, partition_correct; no table): GATE=0.5.
# Settings and GPUs: darling_math_qwen3_4b.sh.
GATE=0.5
source "$(dirname "${BASH_SOURCE[0]}")/darling_math_qwen3_4b.sh"
