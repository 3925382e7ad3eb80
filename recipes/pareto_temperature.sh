#!/usr/bin/env bash
# Quality against diversity over sampling temperatures: DQO's Pareto plots (arXiv 2509.04784) and DARLING's Figure 3 (2509.02534).
#
#   SCORE=FILE.py:FUNCTION bash recipes/pareto_temperature.sh base=meta-llama/Llama-3.1-8B-Instruct darling=outputs/.../global_step_3120/actor
#
# Models are NAME=PATH, checkpoints of one run included (DQO's sweep over training). One GPU of 80 GB for 8B, ENGINE=tensor_parallel_size=4
# for 70B. Without a GPU nothing is required: the tiny policy on its own prompts, scored by the rule for GSM8K.
#
# Knobs (environment): TEMPERATURES (Figure 3; DQO's are stated by no source), PROMPTS (NoveltyBench's curated prompts), N=10 and
# TOKENS=4096 (Table 8), CLASSIFIER and THRESHOLD (NoveltyBench's), SCORE=FILE.py:FUNCTION or package.module:FUNCTION for quality (DARLING's
# paper: Skywork/Skywork-Reward-Gemma-2-27B-v0.2; SCORE= without a value: diversity only)
source "$(dirname "${BASH_SOURCE[0]}")/_common.sh"

show() { if [ -n "${DRY_RUN:-}" ]; then printf '%q ' "$@" && echo; else "$@"; fi; }

models=("$@") CLASSIFIER=${CLASSIFIER-yimingzhang/deberta-v3-large-generation-similarity} THRESHOLD=${THRESHOLD:-0.102}
if [ "$PROFILE" = cpu ]; then
  [ -n "${DRY_RUN:-}" ] || { python -m dqo_verl.tiny "$CACHE/tiny" && python -m dqo_verl.tiny_judges "$CACHE/tiny"; }
  PROMPTS=${PROMPTS:-$CACHE/tiny/test.parquet} TOKENS=${TOKENS:-48} CLASSIFIER=$CACHE/tiny/classifier THRESHOLD=0.5
  export VLLM_TARGET_DEVICE=cpu VLLM_CPU_KVCACHE_SPACE=${VLLM_CPU_KVCACHE_SPACE:-1}
  ENGINE=${ENGINE:-dtype=float32 enforce_eager=true max_model_len=256 gpu_memory_utilization=0.1}
  SCORE=${SCORE-dqo_verl.rewards.gsm8k:compute_score}
  [ ${#models[@]} -gt 0 ] || models=("tiny=$CACHE/tiny/policy")
elif [ ${#models[@]} = 0 ] || [ -z "${SCORE+set}" ]; then
  echo "$RECIPE needs models, NAME=PATH each, and SCORE, the function that says how good a response is:" >&2
  echo "  SCORE=my_reward.py:compute_score bash $0 base=meta-llama/Llama-3.1-8B-Instruct trained=outputs/.../actor" >&2
  echo "SCORE= for diversity without quality; PROFILE=cpu for the tiny profile, which needs neither" >&2
  exit 1
elif [ -z "${PROMPTS:-}" ]; then
  use_data noveltybench/curated
  PROMPTS=$DATA/noveltybench/curated.parquet
fi
read -ra temperatures <<<"${TEMPERATURES:-0.2 0.4 0.6 0.8 1.2}"
for model in "${models[@]}"; do
  for temperature in "${temperatures[@]}"; do
    responses=$OUT/${model%%=*}/t$temperature.jsonl
    show dqo-verl sample --model "${model#*=}" --prompts "$PROMPTS" --out "$responses" -n "${N:-10}" --temperature "$temperature" \
      --max-tokens "${TOKENS:-4096}" ${ENGINE:+--engine $ENGINE}
    show dqo-verl evaluate "$responses" --classifier "$CLASSIFIER" --classifier-threshold "$THRESHOLD" --patience 1.0 \
      ${SCORE:+--score-with "$SCORE"}
  done
done
