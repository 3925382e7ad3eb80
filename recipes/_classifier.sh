# Shared by the two classifier recipes: sourced, not run. A recipe sets its knobs and the files of its pairs (PAIRS, HELD_OUT),
# and calls `train_classifier "$@"`.
source "$(dirname "${BASH_SOURCE[0]}")/_common.sh"

SMALL=()

# held-out pairs belong to pairs of the user's own
refuse_lone_held_out() {
  [ -n "${PAIRS:-}" ] || [ -z "${HELD_OUT:-}" ] || refuse "HELD_OUT has no effect without PAIRS, the pairs to train on. Write PAIRS=train.jsonl, too"
}

# without a GPU: sizes for two cores (docs/classifier.md), and a small generated set of pairs unless the user sets PAIRS
tiny_pairs() {
  BACKBONE=sentence-transformers/all-MiniLM-L6-v2
  STEPS=${STEPS:-$([ -n "${PAIRS:-}" ] && echo 200 || echo 40)}
  BATCH=${BATCH:-16} MICRO=${MICRO:-16} LR=${LR:-1e-4} TOKENS=${TOKENS:-126}
  SMALL=(--dropout 0 --head-lr 1e-3)
  refuse_lone_held_out
  [ -z "${PAIRS:-}" ] || return 0
  PAIRS=$CACHE/tiny/pairs/train.jsonl HELD_OUT=$CACHE/tiny/pairs/val.jsonl
  [ -n "${DRY_RUN:-}" ] || {
    echo "no GPU in use and no PAIRS=FILE: MiniLM learns which sums are worded alike, from a small generated set of pairs"
    python -m experiments.tiny.pairs "$CACHE/tiny/pairs"
  }
}

# downloads NoveltyBench's labelled pairs from DARLING's repository
human_pairs() {
  local home=https://raw.githubusercontent.com/facebookresearch/darling/main/evals/novelty-bench/src/data/classifier split
  refuse_lone_held_out
  [ -z "${PAIRS:-}" ] || return 0
  PAIRS=$DATA/noveltybench_pairs/train.jsonl HELD_OUT=$DATA/noveltybench_pairs/val.jsonl
  ! only_shows || return 0
  for split in train val; do
    [ ! -e "$DATA/noveltybench_pairs/$split.jsonl" ] || continue
    # rename a complete download only: the next run would use a partial file
    curl -fsSL --create-dirs -o "$DATA/noveltybench_pairs/$split.part" "$home/$split.jsonl" &&
      mv "$DATA/noveltybench_pairs/$split.part" "$DATA/noveltybench_pairs/$split.jsonl" ||
      refuse "$home/$split.jsonl could not be downloaded. Write PAIRS=train.jsonl HELD_OUT=val.jsonl in front of the command, with the paths of your own copies"
  done
}

train_classifier() {
  local command=(dqo-verl)
  # --mixed_precision no: dqo-verl has its own option for the precision
  [ "$PROFILE" = cpu ] || command=(accelerate launch --num_processes "${NGPUS:-$GPUS}" --num_machines 1 --dynamo_backend no
    --mixed_precision no -m dqo_verl.cli)
  show "${command[@]}" classifier train --source "$PAIRS" --out "$OUT" --backbone "$BACKBONE" --steps "$STEPS" --batch "$BATCH" \
    --micro-batch "$MICRO" --lr "$LR" --warmup 10 --tokens "$TOKENS" --folds "$FOLDS" "${SMALL[@]}" "$@"
  [ -z "${HELD_OUT:-}" ] || show dqo-verl classifier evaluate "$OUT/model" --source "$HELD_OUT" --train "$PAIRS" \
    --out "$OUT/held_out.json"
}
