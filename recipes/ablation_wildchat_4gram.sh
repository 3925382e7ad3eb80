#!/usr/bin/env bash
# Lexical ablation on WildChat, 8B (arXiv 2509.02534, Table 3): quality x 4-gram diversity. Settings and GPUs: darling_wildchat_llama8b.sh.
METHOD=${METHOD:-ngram}
source "$(dirname "${BASH_SOURCE[0]}")/darling_wildchat_llama8b.sh"
