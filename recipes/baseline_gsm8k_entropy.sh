#!/usr/bin/env bash
# GRPO-entropy on GSM8K: an entropy bonus on correct responses (arXiv 2505.23433), settings of dqo_gsm8k_qwen.sh.
# GATE=0.5: of a reward of 0 or 1; none with REWARD=model, which knows no "correct". ALPHA=0.1: ours, no source states the coefficient. The paper's regulariser acts in the loss.
METHOD=${METHOD:-entropy} GATE=${GATE-$([ "${REWARD:-rule}" != rule ] || echo 0.5)} ALPHA=${ALPHA:-0.1}
source "$(dirname "${BASH_SOURCE[0]}")/dqo_gsm8k_qwen.sh"
