#!/usr/bin/env bash
# DARLING's pair classifier for chat (arXiv 2509.02534, A.1): ModernBERT-base on NoveltyBench's 1,000 human-labelled pairs,
# evaluated on its 100 held-out pairs. Accuracy in the paper: 78 % (NoveltyBench's DeBERTa-large: 79 %).
#
#   bash recipes/classifier_chat_modernbert.sh [options of dqo-verl classifier train ...]
#   PAIRS=train.jsonl HELD_OUT=val.jsonl bash recipes/classifier_chat_modernbert.sh      your own pairs, or a local copy
#
# With GPUs: one is enough, all are used. Without: the backbone is MiniLM, trained on PAIRS or on a small generated set.
# To use the result: CLASSIFIER=OUT/model bash recipes/darling_wildchat_llama8b.sh
#
# Where each value comes from (OUT, PROFILE, DRY_RUN, NGPUS are in _common.sh):
#   STEPS=80 BATCH=64 MICRO=1 LR=2e-5 (10 steps of warm-up, cosine to a tenth), TOKENS=2048 of each response, both orders,
#   class-weighted loss, bf16              reference code
#   no prompt                              reference code (it loads the prompt and does not use it)
#   context 8192                           the paper; ModernBERT reads that much, NoveltyBench's longest response has 465 words
#   FOLDS=0                                the threshold stays 0.5; FOLDS=5 chooses it by cross-validation (the reference code
#                                          uses 0.32 with its own checkpoint and does not say why)
source "$(dirname "${BASH_SOURCE[0]}")/_classifier.sh"

knobs PAIRS HELD_OUT BACKBONE BATCH MICRO LR TOKENS FOLDS=0

if [ "$PROFILE" = cpu ]; then
  tiny_pairs
else
  BACKBONE=${BACKBONE:-answerdotai/ModernBERT-base}
  STEPS=${STEPS:-80} BATCH=${BATCH:-64} MICRO=${MICRO:-1} LR=${LR:-2e-5} TOKENS=${TOKENS:-2048}
  human_pairs
fi
train_classifier "$@"
