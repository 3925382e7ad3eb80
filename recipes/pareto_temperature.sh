#!/usr/bin/env bash
# Quality against diversity over sampling temperatures: DQO's Pareto plots (arXiv 2509.04784) and DARLING's Figure 3 (2509.02534).
#
#   bash recipes/pareto_temperature.sh base=meta-llama/Llama-3.1-8B-Instruct darling=outputs/.../checkpoints/global_step_3120/actor
#
# Models are NAME=PATH, checkpoints of one run included (DQO's sweep over training). One GPU of 80 GB for 8B, ENGINE=tensor_parallel_size=4
# for 70B. Without a GPU and without models: the tiny policy on its own prompts.
#
# Knobs (environment): TEMPERATURES (Figure 3; DQO's are stated by no source), PROMPTS (NoveltyBench's curated prompts), N=10 and
# TOKENS=4096 (Table 8), CLASSIFIER and THRESHOLD (NoveltyBench's), SCORE=FILE.py:FUNCTION for quality (the paper's is
# Skywork/Skywork-Reward-Gemma-2-27B-v0.2; none by default: diversity only)
source "$(dirname "${BASH_SOURCE[0]}")/_common.sh"

show() { if [ -n "${DRY_RUN:-}" ]; then printf '%q ' "$@" && echo; else "$@"; fi; }

models=("$@") CLASSIFIER=${CLASSIFIER-yimingzhang/deberta-v3-large-generation-similarity} THRESHOLD=${THRESHOLD:-0.102}
if [ "$PROFILE" = cpu ]; then
  [ -n "${DRY_RUN:-}" ] || { python -m dqo_verl.tiny "$CACHE/tiny" && python -m dqo_verl.tiny_judges "$CACHE/tiny"; }
  PROMPTS=${PROMPTS:-$CACHE/tiny/test.parquet} TOKENS=${TOKENS:-48} CLASSIFIER=$CACHE/tiny/classifier THRESHOLD=0.5
  [ ${#models[@]} -gt 0 ] || models=("tiny=$CACHE/tiny/policy")
elif [ -z "${PROMPTS:-}" ]; then
  use_data noveltybench/curated
  PROMPTS=$DATA/noveltybench/curated.parquet
fi
[ ${#models[@]} -gt 0 ] || { sed -n '2,12p' "$0" >&2; exit 1; }
read -ra temperatures <<<"${TEMPERATURES:-0.2 0.4 0.6 0.8 1.2}"
for model in "${models[@]}"; do
  for temperature in "${temperatures[@]}"; do
    responses=$OUT/${model%%=*}/t$temperature.jsonl
    show dqo-verl sample --model "${model#*=}" --prompts "$PROMPTS" --out "$responses" -n "${N:-10}" --temperature "$temperature" \
      --max-tokens "${TOKENS:-4096}" ${ENGINE:+--engine "$ENGINE"}
    show dqo-verl evaluate "$responses" --classifier "$CLASSIFIER" --classifier-threshold "$THRESHOLD" --patience 1.0 \
      ${SCORE:+--score-with "$SCORE"}
  done
done
