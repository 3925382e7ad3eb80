#!/usr/bin/env bash
# GRPO on WildChat, 8B (arXiv 2509.02534, Table 1): reward only, with std division as in the published row (STD=False: Table 5's other
# one). Settings and GPUs: darling_wildchat_llama8b.sh.
METHOD=${METHOD:-reward_only} STD=${STD:-True}
source "$(dirname "${BASH_SOURCE[0]}")/darling_wildchat_llama8b.sh"
