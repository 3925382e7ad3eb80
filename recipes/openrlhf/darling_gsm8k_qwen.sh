#!/usr/bin/env bash
# DARLING on GSM8K in OpenRLHF (arXiv 2509.02534): q_i * v_i, n = 8; otherwise dqo_gsm8k_qwen.sh. With a pair classifier:
# --algo.diversity.classifier NAME_OR_PATH behind; without one, two responses are the same above a cosine.
WITHOUT=ALPHA
K=${K:-8}
source "$(dirname "${BASH_SOURCE[0]}")/dqo_gsm8k_qwen.sh" --algo.advantage.estimator darling "$@"
