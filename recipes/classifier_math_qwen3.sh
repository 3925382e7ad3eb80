#!/usr/bin/env bash
# DARLING's pair classifier for mathematics (arXiv 2509.02534, 5.1 and A.2): Qwen3-Embedding-4B on pairs of solutions that a large
# model labelled (do they use different strategies?), evaluated on 200 held-out pairs. Accuracy in the paper: 89 %.
#
#   ENDPOINT=http://host:8000/v1 bash recipes/classifier_math_qwen3.sh [options of dqo-verl classifier train ...]
#   PAIRS=train.jsonl HELD_OUT=val.jsonl bash recipes/classifier_math_qwen3.sh      pairs that already have labels
#
# With GPUs: samples solutions with each of MODELS, labels pairs of them with JUDGE at ENDPOINT (vllm serve, on other GPUs), and
# then trains. With the same OUT each part resumes where it stopped. Training needs 4 x 141 GB (an estimate).
# Without: the backbone is MiniLM, trained on PAIRS or on a small generated set.
# To use the result: CLASSIFIER=OUT/model bash recipes/darling_math_qwen3_4b.sh
#
# Where each value comes from (OUT, PROFILE, DRY_RUN, NGPUS are in _common.sh):
#   MODELS (seven of the paper's eight; Llama-4-Maverick does not fit 8 GPUs)       the paper
#   JUDGE=meta-llama/Llama-3.3-70B-Instruct                                        the paper
#   PROMPTS=2000 of DeepscaleR, N=1 solution of each model, one pair per prompt     ours: the paper states no sizes
#   LENGTH=8192 tokens of a solution                                               the paper's response length in RL
#   STEPS=80 BATCH=64 MICRO=1 LR=2e-5 TOKENS=2048                                  reference code (its checkpoint is step 70)
#   FOLDS=0: the threshold stays 0.5                                               reference code
source "$(dirname "${BASH_SOURCE[0]}")/_classifier.sh"

knobs ENDPOINT JUDGE=meta-llama/Llama-3.3-70B-Instruct PROMPTS=2000 N=1 LENGTH=8192 TP \
  MODELS="Qwen/Qwen3-4B-Base Qwen/Qwen3-8B-Base Qwen/Qwen3-4B Qwen/Qwen3-8B OctoThinker/OctoThinker-8B-Long-Base Qwen/Qwen2.5-Math-7B-Instruct Qwen/QwQ-32B" \
  PAIRS HELD_OUT BACKBONE BATCH MICRO LR TOKENS FOLDS=0

solutions() {
  local model thinking tp
  prepare_data deepscaler10k/train
  for model in $MODELS; do
    thinking=() tp=${TP:-1}
    case $model in
      Qwen/Qwen3-4B | Qwen/Qwen3-8B) thinking=(--chat-template-kwargs '{"enable_thinking": false}') ;;
      # 65 GB of weights
      Qwen/QwQ-32B) tp=${TP:-2} ;;
    esac
    show dqo-verl sample --model "$model" --prompts "$DATA/deepscaler10k/train.parquet" --limit "$PROMPTS" -n "$N" \
      --max-tokens "$LENGTH" --out "$OUT/traces/${model//\//_}.jsonl" \
      --engine tensor_parallel_size="$tp" max_model_len=$((LENGTH + 2048)) "${thinking[@]}"
  done
}

if [ "$PROFILE" = cpu ]; then
  tiny_pairs
else
  BACKBONE=${BACKBONE:-Qwen/Qwen3-Embedding-4B}
  STEPS=${STEPS:-80} BATCH=${BATCH:-64} MICRO=${MICRO:-1} LR=${LR:-2e-5} TOKENS=${TOKENS:-2048}
  set -- --gradient-checkpointing "$@"
  refuse_lone_held_out
  if [ -z "${PAIRS:-}" ]; then
    [ -n "${ENDPOINT:-}" ] || refuse "$RECIPE needs a judge or labelled pairs. Write ENDPOINT=http://host:port/v1 (and JUDGE=NAME), or PAIRS=FILE, in front of the command"
    solutions
    show dqo-verl classifier label "$OUT/traces" --out "$OUT/labels.jsonl" --endpoint "$ENDPOINT" --model "$JUDGE"
    PAIRS=$OUT/train.jsonl HELD_OUT=$OUT/val.jsonl
    only_shows || {
      tail -n 200 "$OUT/labels.jsonl" >"$HELD_OUT"
      head -n -200 "$OUT/labels.jsonl" >"$PAIRS"
    }
  fi
fi
train_classifier "$@"
