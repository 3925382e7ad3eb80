#!/usr/bin/env bash
# DRA-GRPO on GSM8K: reward times graph-cut weight (arXiv 2505.09655), settings of dqo_gsm8k_qwen.sh. Not in DQO's tables.
METHOD=${METHOD:-graph_cut}
source "$(dirname "${BASH_SOURCE[0]}")/dqo_gsm8k_qwen.sh"
