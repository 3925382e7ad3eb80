#!/usr/bin/env bash
# With an outcome reward, does DQO learn to write the right answer and then noise, as arXiv 2509.04784 reports for GSM8K?
#
#   bash recipes/dqo_reward_hacking.sh [verl overrides ...]
#
# Three runs: reward only (alpha 0: diversity is measured, not rewarded), DQO on whole responses, DQO on the text up to the
# answer. At the end it prints a table of the text after the answer, and verdicts. It uses our reward, which reads the whole
# response; verl's rule for GSM8K reads only the last 300 characters. Settings and GPUs: dqo_gsm8k_qwen.sh. Without a GPU: 60
# steps of a tiny policy that was taught to add a remark after the answer with probability REMARKS (0.3), because a policy that
# always stops at the answer never tries noise. No source states any of these values; they are our choices.
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
    actor_rollout_ref.model.path="$(hydra "$policy/policy")"
    actor_rollout_ref.actor.optim.lr=3e-4
    data.max_response_length=96
    actor_rollout_ref.rollout.max_model_len=192
  )
fi
ALPHA=0 run reward_only dqo_gsm8k_qwen.sh "${own[@]}" "$@"
run whole_response dqo_gsm8k_qwen.sh "${own[@]}" "$@"
run up_to_answer dqo_gsm8k_qwen.sh "${own[@]}" +algorithm.diversity.answer_only=true "$@"
only_shows || python -m experiments.reward_hacking.after_answer "$OUT"
