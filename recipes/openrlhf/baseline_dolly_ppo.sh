#!/usr/bin/env bash
# Reward-only PPO on Dolly in OpenRLHF: the base of dqo_dolly_llama.sh, same settings (arXiv 2509.04784).
WITHOUT="ALPHA EMBEDDER"
source "$(dirname "${BASH_SOURCE[0]}")/dqo_dolly_llama.sh" --reward.diversity none "$@"
