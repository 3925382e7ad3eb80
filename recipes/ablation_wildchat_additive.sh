#!/usr/bin/env bash
# Additive ablation on WildChat, 8B (arXiv 2509.02534, Table 2): z(quality) + z(partition), really normalised (over the batch: ours),
# unlike the reference code. STD=False, ALPHA 1: ours. Settings and GPUs: darling_wildchat_llama8b.sh.
METHOD=${METHOD:-darling_add}
source "$(dirname "${BASH_SOURCE[0]}")/darling_wildchat_llama8b.sh"
