#!/usr/bin/env bash
# Reward-only PPO on CNN/DailyMail: the base of dqo_cnn_dailymail_llama.sh, same settings (arXiv 2509.04784).
WITHOUT="ALPHA EMBEDDER"
source "$(dirname "${BASH_SOURCE[0]}")/dqo_cnn_dailymail_llama.sh" algorithm.adv_estimator=gae '~algorithm.diversity' "$@"
