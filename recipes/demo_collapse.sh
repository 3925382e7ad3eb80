#!/usr/bin/env bash
# Collapse and rescue in miniature: a tiny policy, a task with many right answers, the real trainer. Reward-only RL makes the
# policy repeat itself; do DQO and DARLING keep its answers diverse at the same quality?
#
#   bash recipes/demo_collapse.sh              one seed, five methods: 27 minutes on two cores (TASK=sentences: 42)
#   QUICK=1 bash recipes/demo_collapse.sh      three methods, 20 steps
#   SEEDS=5 bash recipes/demo_collapse.sh      the evidence of docs/results.md: five seeds, and the sweeps of alpha, k, std, measure, gate; hours
#
# TASK=sums | sentences    two numbers that add up to N, the first from 1 to 12 | name a thing of a kind, in a sentence (read by all-MiniLM-L6-v2)
# OUT=DIR                  default outputs/demo_collapse/TASK; the same OUT again goes on where it was stopped
# ROWS="dqo darling"       some rows of the table below;  SEED=3: seeds from this one on (default 1; settings were chosen on 0)
# What else is typed goes to verl, for all runs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PROFILE=cpu
source recipes/_setup.sh
export TASK=${TASK:-sums} STEPS=${STEPS:-$([ -n "${QUICK:-}" ] && echo 20 || echo 30)}
OUT=${OUT:-outputs/demo_collapse/$TASK${QUICK:+-quick}}
CACHE=${DQO_VERL_CACHE:-$HOME/.cache/dqo_verl}

# a row -> its knobs (_methods.sh), then what goes to verl
knobs() {
  case $1 in
    grpo) echo METHOD=reward_only STD=True ;;
    grpo_no_std) echo METHOD=reward_only ;;
    entropy) echo METHOD=reward_only actor_rollout_ref.actor.entropy_coeff=0.01 ;;
    dqo) echo METHOD=dqo ;;
    darling) echo METHOD=darling ;;
    dqo_alpha*) echo METHOD=dqo ALPHA="${1#dqo_alpha}" ;;
    dqo_k*) echo METHOD=dqo K="${1#dqo_k}" ;;
    std_alpha*) echo METHOD=dqo STD=True ALPHA="${1#std_alpha}" ;;
    decoupled_alpha*) echo METHOD=dqo STD=True ALPHA="${1#decoupled_alpha}" +algorithm.diversity.scale=decoupled ;;
    pairwise) echo METHOD=pairwise ;;
    gate) echo METHOD=dqo GATE=0.5 ;;
    *) echo "ROWS: $1 is not a row of demo_collapse.sh" >&2 && return 1 ;;
  esac
}
MAIN="grpo grpo_no_std entropy dqo darling"
SWEEPS="dqo_alpha0.25 dqo_alpha4 std_alpha0.25 std_alpha4 decoupled_alpha0.25 decoupled_alpha4 pairwise gate dqo_k4 dqo_k16"

# $1: row, $2: seed, then overrides
one() {
  local row=$1 seed=$2 run=$OUT/runs/$1-s$2 record=$OUT/records/$1-s$2.json environment=() overrides=() part assets embedder
  shift 2
  [ ! -e "$record" ] || return 0
  for part in $(knobs "$row"); do
    case $part in *.*=*) overrides+=("$part") ;; *) environment+=("$part") ;; esac
  done
  echo "== $TASK, seed $seed: $row"
  assets=$CACHE/demo/$TASK-s$seed embedder=sentence-transformers/all-MiniLM-L6-v2
  env "${environment[@]}" SEED="$seed" ASSETS="$assets" OUT="$run" RECIPE="demo-$row" bash recipes/_demo_run.sh "${overrides[@]}" "$@"
  [ -n "${DRY_RUN:-}" ] && return
  [ "$TASK" = sums ] && embedder=$assets/embedder
  python -m experiments.collapse.record "$run" "$record" "$embedder"
}

# a record says "done" whatever was typed: one OUT holds runs of one kind
settings="TASK=$TASK STEPS=$STEPS $*"
if [ -z "${DRY_RUN:-}" ]; then
  mkdir -p "$OUT"
  [ -e "$OUT/settings" ] || echo "$settings" >"$OUT/settings"
  [ "$(cat "$OUT/settings")" = "$settings" ] ||
    { echo "$OUT holds runs with $(cat "$OUT/settings"), not with $settings. Type OUT=DIR for these" >&2; exit 1; }
fi
rows=${ROWS:-$([ -n "${QUICK:-}" ] && echo grpo_no_std dqo darling || echo "$MAIN")}
seeds=$(seq "${SEED:=1}" $((SEED + ${SEEDS:-1} - 1)))
for row in $rows; do knobs "$row" >/dev/null; done
for seed in $seeds; do
  for row in $rows; do one "$row" "$seed" "$@"; done
done
if [ "${SEEDS:-1}" -gt 1 ] && [ -z "${ROWS:-}" ]; then
  for row in $SWEEPS; do
    for seed in $seeds; do one "$row" "$seed" "$@"; done
  done
fi
[ -z "${DRY_RUN:-}" ] || exit 0
python -m experiments.collapse.verdicts "$OUT"
first=$(set -- $seeds && echo "$1")
runs=()
for row in $rows; do [ ! -e "$OUT/runs/$row-s$first/evaluation" ] || runs+=("$row=$OUT/runs/$row-s$first"); done
[ ${#runs[@]} != 0 ] || exit 0 # records alone, of runs made elsewhere
dqo-verl report "${runs[@]}" --title "Collapse and rescue: $TASK, seed $first" --out "$OUT/report" >/dev/null
echo "the report: $OUT/report/index.html"
