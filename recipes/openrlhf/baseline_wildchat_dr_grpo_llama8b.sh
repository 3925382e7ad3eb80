#!/usr/bin/env bash
# Reward-only Dr.GRPO on WildChat in OpenRLHF, 8B: the base of darling_wildchat_llama8b.sh, same settings (arXiv 2509.02534,
# Table 1).
WITHOUT=CLASSIFIER
source "$(dirname "${BASH_SOURCE[0]}")/darling_wildchat_llama8b.sh" --reward.diversity none "$@"
