#!/usr/bin/env bash
# Quality against diversity over sampling temperatures: DQO's Pareto plots (arXiv 2509.04784) and DARLING's Figure 3 (2509.02534).
#
#   bash recipes/pareto_temperature.sh base=meta-llama/Llama-3.1-8B-Instruct darling=outputs/.../global_step_3120/actor
#
# Models are NAME=PATH, checkpoints of one run included (DQO's sweep over training). One GPU of 80 GB for 8B,
# ENGINE=tensor_parallel_size=4 for 70B. Without a GPU nothing is required: the tiny policy and reward model on the tiny profile's prompts.
#
# Where each value comes from (the knobs of all recipes are in _common.sh):
#   TEMPERATURES="0.2 0.4 0.6 0.8 1.2"             Figure 3; DQO's are stated by no source
#   PROMPTS=FILE                                   NoveltyBench's 100 curated prompts; the paper evaluates its 1,000 of WildChat too:
#                                                  PROMPTS=~/.cache/dqo_verl/data/noveltybench/wildchat.parquet
#   N=10 TOKENS=4096                               Table 8
#   CLASSIFIER THRESHOLD=0.102                     NoveltyBench's, and so is its rule for answers of at most five words
#   CLASSIFIER_TOKENS=512                          of each response, as in DARLING's copy of NoveltyBench; NoveltyBench's own: 128
#   RM                                             quality by DARLING's reward model. RM= without a value: diversity only
#   SCORE=FILE.py:FUNCTION                         quality by a rule, say, in its place
source "$(dirname "${BASH_SOURCE[0]}")/_common.sh"

# models are NAME=PATH, and may be named in capitals
TYPED=()
knobs TEMPERATURES="0.2 0.4 0.6 0.8 1.2" N=10 PROMPTS TOKENS CLASSIFIER THRESHOLD CLASSIFIER_TOKENS RM SCORE ENGINE

models=("$@")
if [ "$PROFILE" = cpu ]; then
  [ -n "${DRY_RUN:-}" ] || {
    python -m experiments.tiny.policy "$CACHE/tiny"
    python -m experiments.tiny.judges "$CACHE/tiny"
  }
  CLASSIFIER=$CACHE/tiny/classifier THRESHOLD=0.5 CLASSIFIER_TOKENS=48
  PROMPTS=${PROMPTS:-$CACHE/tiny/test.parquet}
  TOKENS=${TOKENS:-48}
  RM=${RM-$CACHE/tiny/reward_model}
  ENGINE=${ENGINE:-dtype=float32 enforce_eager=true max_model_len=256 gpu_memory_utilization=0.1}
  export VLLM_TARGET_DEVICE=cpu VLLM_CPU_KVCACHE_SPACE=${VLLM_CPU_KVCACHE_SPACE:-1}
  [ ${#models[@]} -gt 0 ] || models=("tiny=$CACHE/tiny/policy")
elif [ ${#models[@]} = 0 ]; then
  refuse "$RECIPE needs models, NAME=PATH each: bash $0 base=meta-llama/Llama-3.1-8B-Instruct trained=outputs/.../actor
PROFILE=cpu for the tiny profile, which needs none"
elif [ -z "${PROMPTS:-}" ]; then
  prepare_data noveltybench/curated
  PROMPTS=$DATA/noveltybench/curated.parquet
fi
RM=${RM-Skywork/Skywork-Reward-Gemma-2-27B-v0.2}
if [ -n "${SCORE:-}" ]; then
  quality=(--score-with "$SCORE")
else
  quality=(${RM:+--reward-model "$RM"})
fi
CLASSIFIER=${CLASSIFIER-yimingzhang/deberta-v3-large-generation-similarity}
decided=(--classifier-threshold "${THRESHOLD:-0.102}" --classifier-tokens "${CLASSIFIER_TOKENS:-512}" --short-answer-words 5)
case $CLASSIFIER in exact | cosine) decided=() ;; esac

for model in "${models[@]}"; do
  for temperature in $TEMPERATURES; do
    responses=$OUT/${model%%=*}/t$temperature.jsonl
    # ENGINE is several words
    # shellcheck disable=SC2086
    show dqo-verl sample --model "${model#*=}" --prompts "$PROMPTS" --out "$responses" -n "$N" --temperature "$temperature" \
      --max-tokens "${TOKENS:-4096}" ${ENGINE:+--engine $ENGINE}
    show dqo-verl evaluate "$responses" --classifier "$CLASSIFIER" "${decided[@]}" --patience 1.0 "${quality[@]}"
  done
done
