#!/usr/bin/env bash
# GRPO-entropy on GSM8K: an entropy bonus on correct responses (arXiv 2505.23433), settings of dqo_gsm8k_qwen.sh. The paper
# regularises entropy in the loss; here the bonus is part of the reward. ALPHA=0.1 is our choice: no source states it.
WITHOUT=EMBEDDER
ALPHA=${ALPHA-0.1}
# "correct" means reward 1 from the rule; a reward model has no notion of "correct"
[ "${REWARD:-rule}" != rule ] || set -- +algorithm.diversity.gate=0.5 "$@"
source "$(dirname "${BASH_SOURCE[0]}")/dqo_gsm8k_qwen.sh" algorithm.adv_estimator=grpo +reward_model.diversity=surprisal "$@"
