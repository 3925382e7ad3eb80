#!/usr/bin/env bash
# Quality against diversity over sampling temperatures: DQO's Pareto plots (arXiv 2509.04784) and DARLING's Figure 3 (2509.02534).
#
#   bash recipes/pareto_temperature.sh base=meta-llama/Llama-3.1-8B-Instruct darling=outputs/.../global_step_3120/actor
#
# Models are NAME=PATH, checkpoints of one run included (DQO's sweep over training). One GPU of 80 GB for 8B, ENGINE=tensor_parallel_size=4
# for 70B. Without a GPU nothing is required: the tiny policy and reward model on the tiny profile's prompts.
#
# Knobs (environment): TEMPERATURES (Figure 3; DQO's are stated by no source), PROMPTS (NoveltyBench's 100 curated prompts; the paper
# evaluates its 1,000 of WildChat too: PROMPTS=~/.cache/dqo_verl/data/noveltybench/wildchat.parquet), N=10 and TOKENS=4096 (Table 8), CLASSIFIER,
# THRESHOLD (NoveltyBench's) and CLASSIFIER_TOKENS (512 of each response, as in DARLING's copy of NoveltyBench; NoveltyBench's own: 128), RM for quality (DARLING's paper), or SCORE=FILE.py:FUNCTION in its place (a rule, say).
# RM= without a value: diversity only.
source "$(dirname "${BASH_SOURCE[0]}")/_common.sh"

show() { if [ -n "${DRY_RUN:-}" ]; then printf '%q ' "$@" && echo; else "$@"; fi; }

models=("$@") CLASSIFIER=${CLASSIFIER-yimingzhang/deberta-v3-large-generation-similarity} THRESHOLD=${THRESHOLD:-0.102}
CLASSIFIER_TOKENS=${CLASSIFIER_TOKENS:-512}
if [ "$PROFILE" = cpu ]; then
  [ -n "${DRY_RUN:-}" ] || { OMP_WAIT_POLICY=passive python -m experiments.tiny.policy "$CACHE/tiny" && OMP_WAIT_POLICY=passive python -m experiments.tiny.judges "$CACHE/tiny"; }
  PROMPTS=${PROMPTS:-$CACHE/tiny/test.parquet} TOKENS=${TOKENS:-48} CLASSIFIER=$CACHE/tiny/classifier THRESHOLD=0.5
  CLASSIFIER_TOKENS=48 RM=${RM-$CACHE/tiny/reward_model}
  export VLLM_TARGET_DEVICE=cpu VLLM_CPU_KVCACHE_SPACE=${VLLM_CPU_KVCACHE_SPACE:-1}
  ENGINE=${ENGINE:-dtype=float32 enforce_eager=true max_model_len=256 gpu_memory_utilization=0.1}
  [ ${#models[@]} -gt 0 ] || models=("tiny=$CACHE/tiny/policy")
elif [ ${#models[@]} = 0 ]; then
  echo "$RECIPE needs models, NAME=PATH each: bash $0 base=meta-llama/Llama-3.1-8B-Instruct trained=outputs/.../actor" >&2
  echo "PROFILE=cpu for the tiny profile, which needs none" >&2
  exit 1
elif [ -z "${PROMPTS:-}" ]; then
  use_data noveltybench/curated
  PROMPTS=$DATA/noveltybench/curated.parquet
fi
quality=(${SCORE:+--score-with "$SCORE"})
RM=${RM-Skywork/Skywork-Reward-Gemma-2-27B-v0.2}
[ -n "${SCORE:-}" ] || [ -z "$RM" ] || quality=(--reward-model "$RM")
read -ra temperatures <<<"${TEMPERATURES:-0.2 0.4 0.6 0.8 1.2}"
for model in "${models[@]}"; do
  for temperature in "${temperatures[@]}"; do
    responses=$OUT/${model%%=*}/t$temperature.jsonl
    show dqo-verl sample --model "${model#*=}" --prompts "$PROMPTS" --out "$responses" -n "${N:-10}" --temperature "$temperature" \
      --max-tokens "${TOKENS:-4096}" ${ENGINE:+--engine $ENGINE}
    show dqo-verl evaluate "$responses" --classifier "$CLASSIFIER" --classifier-threshold "$THRESHOLD" \
      --classifier-tokens "$CLASSIFIER_TOKENS" --patience 1.0 "${quality[@]}"
  done
done
