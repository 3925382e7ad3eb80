#!/usr/bin/env bash
# GRPO on DeepscaleR, Qwen3-4B-Base (arXiv 2509.02534, Table 9): reward only, with std division as in the published row.
# Settings and GPUs: darling_math_qwen3_4b.sh.
METHOD=${METHOD:-reward_only} STD=${STD:-True}
source "$(dirname "${BASH_SOURCE[0]}")/darling_math_qwen3_4b.sh"
