#!/usr/bin/env bash
# GRPO-Unlikeliness on WildChat, 8B (arXiv 2509.02534, Table 1; method of 2506.02355). Settings and GPUs: darling_wildchat_llama8b.sh.
# No source states its constants here: rank_penalty 0.25 (2506.02355), group_min before multiplying and STD=True are ours.
METHOD=${METHOD:-likelihood} STD=${STD:-True}
source "$(dirname "${BASH_SOURCE[0]}")/darling_wildchat_llama8b.sh"
