#!/usr/bin/env bash
# GRPO-entropy on CommonGen (arXiv 2505.23433), settings of dqo_common_gen_llama.sh.
# A reward model knows no "correct": all responses take part, unless +algorithm.diversity.gate says otherwise. ALPHA=0.1: ours, no
# source states the coefficient. The paper's regulariser acts in the loss.
WITHOUT=EMBEDDER
ALPHA=${ALPHA-0.1}
source "$(dirname "${BASH_SOURCE[0]}")/dqo_common_gen_llama.sh" \
  algorithm.adv_estimator=grpo \
  '~algorithm.diversity.base' \
  +reward_model.diversity=surprisal \
  "$@"
