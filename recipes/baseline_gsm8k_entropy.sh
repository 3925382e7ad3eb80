#!/usr/bin/env bash
# GRPO-entropy on GSM8K: an entropy bonus on correct responses (arXiv 2505.23433), settings of dqo_gsm8k_qwen.sh. ALPHA=0.1: ours, no
# source states the coefficient. The paper's regulariser acts in the loss.
WITHOUT=EMBEDDER
ALPHA=${ALPHA-0.1}
# correct: of a reward of 0 or 1. A reward model knows no "correct"
[ "${REWARD:-rule}" != rule ] || set -- +algorithm.diversity.gate=0.5 "$@"
source "$(dirname "${BASH_SOURCE[0]}")/dqo_gsm8k_qwen.sh" algorithm.adv_estimator=grpo +reward_model.diversity=surprisal "$@"
