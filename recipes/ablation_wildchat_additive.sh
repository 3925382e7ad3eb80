#!/usr/bin/env bash
# Additive ablation on WildChat, 8B (arXiv 2509.02534, Table 2): z(quality) + z(partition). The reference code does not
# normalise; here both are z-scores. Our choices: z-scores over the batch, no std division, alpha 1
# (+algorithm.diversity.alpha). Settings and GPUs: darling_wildchat_llama8b.sh.
source "$(dirname "${BASH_SOURCE[0]}")/darling_wildchat_llama8b.sh" \
  +algorithm.diversity.combine=zscore_add \
  '~algorithm.diversity.quality_shift' \
  "$@"
