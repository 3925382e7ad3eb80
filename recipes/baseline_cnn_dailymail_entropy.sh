#!/usr/bin/env bash
# GRPO-entropy on CNN/DailyMail (arXiv 2505.23433), settings of dqo_cnn_dailymail_llama.sh.
# The paper regularises entropy in the loss; here the bonus is part of the reward. A reward model has no notion of "correct", so
# all responses get it, unless you set +algorithm.diversity.gate. ALPHA=0.1 is our choice: no source states the coefficient.
WITHOUT=EMBEDDER
ALPHA=${ALPHA-0.1}
source "$(dirname "${BASH_SOURCE[0]}")/dqo_cnn_dailymail_llama.sh" \
  algorithm.adv_estimator=grpo \
  '~algorithm.diversity.base' \
  +reward_model.diversity=surprisal \
  "$@"
