#!/usr/bin/env bash
# Quality against diversity over sampling temperatures: DQO's Pareto plots (arXiv 2509.04784) and DARLING's Figure 3 (2509.02534).
#
#   bash recipes/pareto_temperature.sh base=meta-llama/Llama-3.1-8B-Instruct darling=outputs/.../global_step_3120/actor
#
# Each model is NAME=PATH; the checkpoints of one run can be models too (DQO's sweep over training). 8B needs one GPU of 80 GB;
# for 70B write ENGINE=tensor_parallel_size=4 in front of the command. Without a GPU no model is needed: the tiny policy, reward
# model and prompts are used.
#
# Where each value comes from (the knobs of all recipes are in _common.sh):
#   TEMPERATURES="0.2 0.4 0.6 0.8 1.2"             Figure 3; no source states DQO's
#   PROMPTS=FILE                                   NoveltyBench's 100 curated prompts; the paper also uses its 1,000 from WildChat:
#                                                  PROMPTS=~/.cache/dqo_verl/data/noveltybench/wildchat.parquet
#   N=10 TOKENS=4096                               Table 8
#   CLASSIFIER THRESHOLD=0.102                     NoveltyBench's, with its rule for answers of at most five words
#   CLASSIFIER_TOKENS=512                          tokens of each response, as in DARLING's copy of NoveltyBench (original: 128)
#   RM=Skywork/Skywork-Reward-Gemma-2-27B-v0.2     NoveltyBench's reward model, for quality. An empty RM= measures diversity only
#   SCORE=FILE.py:FUNCTION                         a reward function, for quality, instead of RM
source "$(dirname "${BASH_SOURCE[0]}")/_common.sh"

# don't check NAME=PATH arguments as knobs: a model's NAME may be in capitals
TYPED=()
WITHOUT=STEPS
knobs TEMPERATURES="0.2 0.4 0.6 0.8 1.2" N=10 PROMPTS TOKENS CLASSIFIER THRESHOLD CLASSIFIER_TOKENS RM SCORE ENGINE

models=("$@")
if [ "$PROFILE" = cpu ]; then
  [ -n "${DRY_RUN:-}" ] || {
    python -m experiments.tiny.policy "$CACHE/tiny"
    python -m experiments.tiny.judges "$CACHE/tiny"
  }
  [ -n "${CLASSIFIER:-}" ] || CLASSIFIER=$CACHE/tiny/classifier THRESHOLD=${THRESHOLD:-0.5} CLASSIFIER_TOKENS=${CLASSIFIER_TOKENS:-48}
  PROMPTS=${PROMPTS:-$CACHE/tiny/test.parquet}
  TOKENS=${TOKENS:-48}
  RM=${RM-$CACHE/tiny/reward_model}
  ENGINE=${ENGINE:-dtype=float32 enforce_eager=true max_model_len=256 gpu_memory_utilization=0.1}
  export VLLM_TARGET_DEVICE=cpu VLLM_CPU_KVCACHE_SPACE=${VLLM_CPU_KVCACHE_SPACE:-1}
  [ ${#models[@]} -gt 0 ] || models=("tiny=$CACHE/tiny/policy")
elif [ ${#models[@]} = 0 ]; then
  refuse "$RECIPE needs models, NAME=PATH each: bash $0 base=meta-llama/Llama-3.1-8B-Instruct trained=outputs/.../actor
The tiny profile (PROFILE=cpu) needs none"
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
case $CLASSIFIER in
  exact | cosine)
    [ -z "${CLASSIFIER_TOKENS:-}" ] || refuse "CLASSIFIER_TOKENS has no effect with CLASSIFIER=$CLASSIFIER"
    [ -z "${THRESHOLD:-}" ] || [ "$CLASSIFIER" = cosine ] || refuse "THRESHOLD has no effect with CLASSIFIER=exact"
    decided=(${THRESHOLD:+--classifier-threshold "$THRESHOLD"})
    ;;
esac

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
