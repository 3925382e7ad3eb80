#!/usr/bin/env bash
# Does DQO with an outcome reward write the right answer first and noise after it (arXiv 2509.04784 says it saw that on GSM8K)?
#
#   bash recipes/dqo_reward_hacking.sh [verl overrides ...]
#
# Three runs: reward only (alpha 0: diversity is measured, not rewarded), DQO on whole responses, DQO on the text up to the answer. Ends
# with a table of the text after the answer and a verdict. The reward is ours, which reads the whole response: verl's rule for GSM8K reads
# the last 300 characters. Settings and GPUs: dqo_gsm8k_qwen.sh. Without a GPU: a tiny policy that was taught to add a remark after the
# answer with a probability of REMARKS (0.3), so that there is something to find; one that stops at the answer never tries. STEPS=60 there.
# No source states any of these values: ours.
source "$(dirname "${BASH_SOURCE[0]}")/_common.sh"

# the claim is about an outcome reward
WITHOUT="REWARD RM RM_GPUS"
knobs dqo_gsm8k_qwen.sh REMARKS=0.3

own=(
  actor_rollout_ref.rollout.val_kwargs.n=8
)
if [ "$PROFILE" = cpu ]; then
  export STEPS=${STEPS:-60}
  policy=$CACHE/tiny_remarks_$REMARKS
  [ -n "${DRY_RUN:-}" ] || python -m experiments.tiny.policy "$policy" "$REMARKS"
  own+=(
    actor_rollout_ref.model.path="$policy/policy"
    actor_rollout_ref.actor.optim.lr=3e-4
    data.max_response_length=96
    actor_rollout_ref.rollout.max_model_len=192
  )
fi
ALPHA=0 run reward_only dqo_gsm8k_qwen.sh "${own[@]}" "$@"
run whole_response dqo_gsm8k_qwen.sh "${own[@]}" "$@"
run up_to_answer dqo_gsm8k_qwen.sh "${own[@]}" +algorithm.diversity.answer_only=true "$@"
only_shows || python -m experiments.reward_hacking.after_answer "$OUT"
