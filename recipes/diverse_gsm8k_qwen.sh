#!/usr/bin/env bash
# `diverse` on GSM8K: DQO among the right answers alone, in units of what is at stake (docs/alpha_and_k.md). Ours, in none of the papers.
# Settings of dqo_gsm8k_qwen.sh. With +algorithm.diversity.target=0.8 the weight is steered.
source "$(dirname "${BASH_SOURCE[0]}")/dqo_gsm8k_qwen.sh" algorithm.adv_estimator=diverse "$@"
