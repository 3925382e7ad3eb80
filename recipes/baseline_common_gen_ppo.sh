#!/usr/bin/env bash
# Reward-only PPO on CommonGen: the base of dqo_common_gen_llama.sh, same settings (arXiv 2509.04784).
WITHOUT="ALPHA EMBEDDER"
source "$(dirname "${BASH_SOURCE[0]}")/dqo_common_gen_llama.sh" algorithm.adv_estimator=gae '~algorithm.diversity' "$@"
