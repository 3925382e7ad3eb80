#!/usr/bin/env bash
# DARLING on GSM8K in OpenRLHF (arXiv 2509.02534): q_i * v_i, n = 8; otherwise settings of dqo_gsm8k_qwen.sh. Two
# responses are the same if their cosine is above a threshold. Append --algo.diversity.classifier NAME_OR_PATH to use a pair
# classifier instead.
WITHOUT=ALPHA
K=${K:-8}
source "$(dirname "${BASH_SOURCE[0]}")/dqo_gsm8k_qwen.sh" --algo.advantage.estimator darling "$@"
