#!/usr/bin/env bash
# GRPO-entropy on GSM8K: an entropy bonus on correct responses (arXiv 2505.23433), settings of dqo_gsm8k_qwen.sh.
# GATE=0.5: of a reward of 0 or 1. ALPHA=0.1: ours, no source states the coefficient. The paper's regulariser acts in the loss.
METHOD=entropy GATE=${GATE-0.5} ALPHA=${ALPHA:-0.1}
source "$(dirname "${BASH_SOURCE[0]}")/dqo_gsm8k_qwen.sh"
