# What the two classifier recipes share; sourced, not run. A recipe sets its knobs, says where its pairs are (PAIRS, HELD_OUT) and
# calls `train_classifier "$@"`.
source "$(dirname "${BASH_SOURCE[0]}")/_common.sh"

SMALL=()

# without a GPU: what two cores can bear (docs/classifier.md), and small pairs that the package makes where there are none of your own
tiny_pairs() {
  BACKBONE=sentence-transformers/all-MiniLM-L6-v2
  STEPS=${STEPS:-$([ -n "${PAIRS:-}" ] && echo 200 || echo 40)}
  BATCH=${BATCH:-16} MICRO=${MICRO:-16} LR=${LR:-1e-4} TOKENS=${TOKENS:-126}
  SMALL=(--dropout 0 --head-lr 1e-3)
  [ -z "${PAIRS:-}" ] || return 0
  PAIRS=$CACHE/tiny/pairs/train.jsonl HELD_OUT=$CACHE/tiny/pairs/val.jsonl
  [ -n "${DRY_RUN:-}" ] || {
    echo "no GPU in use and no PAIRS=FILE: MiniLM learns which sums are worded alike, from pairs made here"
    python -m experiments.tiny.pairs "$CACHE/tiny/pairs"
  }
}

# NoveltyBench's labelled pairs, as DARLING's repository holds them
human_pairs() {
  local home=https://raw.githubusercontent.com/facebookresearch/darling/main/evals/novelty-bench/src/data/classifier split
  [ -z "${PAIRS:-}" ] || return 0
  PAIRS=$DATA/noveltybench_pairs/train.jsonl HELD_OUT=$DATA/noveltybench_pairs/val.jsonl
  ! only_shows || return 0
  for split in train val; do
    [ ! -e "$DATA/noveltybench_pairs/$split.jsonl" ] || continue
    # a download that breaks off leaves nothing that the next run would take
    curl -fsSL --create-dirs -o "$DATA/noveltybench_pairs/$split.part" "$home/$split.jsonl" &&
      mv "$DATA/noveltybench_pairs/$split.part" "$DATA/noveltybench_pairs/$split.jsonl" ||
      refuse "$home/$split.jsonl cannot be had. Write PAIRS=train.jsonl HELD_OUT=val.jsonl in front, with your own copy"
  done
}

train_classifier() {
  local command=(dqo-verl)
  # --mixed_precision no: the precision is dqo-verl's own option
  [ "$PROFILE" = cpu ] || command=(accelerate launch --num_processes "${NGPUS:-$GPUS}" --num_machines 1 --dynamo_backend no
    --mixed_precision no -m dqo_verl.cli)
  show "${command[@]}" classifier train --source "$PAIRS" --out "$OUT" --backbone "$BACKBONE" --steps "$STEPS" --batch "$BATCH" \
    --micro-batch "$MICRO" --lr "$LR" --warmup 10 --tokens "$TOKENS" --folds "$FOLDS" "${SMALL[@]}" "$@"
  [ -z "${HELD_OUT:-}" ] || show dqo-verl classifier evaluate "$OUT/model" --source "$HELD_OUT" --train "$PAIRS" \
    --out "$OUT/held_out.json"
}
