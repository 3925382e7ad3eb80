# Shared by OpenRLHF's recipes: sourced, not run. They also have the knobs of ../_common.sh: OUT, PROFILE, DRY_RUN, CHECK,
# VERBOSE, NNODES, STEPS, NGPUS, DATA. A recipe lists OpenRLHF's flags in ARGS and calls `train "$@"`. Where a flag is set
# twice, the later one counts. The order is: folders and GPUs of the run, the common knobs, ARGS, the tiny profile, what the
# user typed.
TRAINER=openrlhf
source "$(dirname "${BASH_SOURCE[0]}")/../_common.sh"

# all models take turns on all GPUs of all nodes
on_gpus() {
  # a run on one node starts its own Ray
  [ "$NNODES" != 1 ] || export RAY_ADDRESS=${RAY_ADDRESS:-local}
  NGPUS=${NGPUS:-$GPUS}
  local role
  for role in actor ref reward critic; do
    PLACE+=(--$role.num_nodes "$NNODES" --$role.num_gpus_per_node "$NGPUS")
  done
  PLACE+=(
    --vllm.num_engines $((NNODES * NGPUS / TP))
    --vllm.tensor_parallel_size "$TP"
    --vllm.gpu_memory_utilization "$GPU_MEMORY"
    --vllm.sync_backend nccl
    --vllm.enable_sleep
    --train.colocate_all
    --ds.enable_sleep
    --ds.zero_stage 3
    --ds.packing_samples
    --actor.gradient_checkpointing_enable
  )
}

# no GPU, or PROFILE=cpu: sizes for two CPU cores, on the same engine; the models are created on first use
on_cpu() {
  local role steps=${STEPS:-20}
  whole_episodes "$steps" 32
  PLACE+=(--train.device cpu)
  for role in actor ref reward critic; do
    PLACE+=(--$role.num_nodes 1 --$role.num_gpus_per_node 1)
  done
  TINY=(
    --vllm.num_engines 1
    --vllm.tensor_parallel_size 1
    --ds.zero_stage 2
    --actor.model_name_or_path "$CACHE/tiny/policy"
    --actor.adam.lr 1e-4
    --critic.adam.lr 1e-3
    --data.prompt_dataset "$CACHE/tiny/train.parquet"
    --data.max_len 128
    --rollout.max_new_tokens 48
    --rollout.batch_size 8
    --rollout.micro_batch_size 8
    --train.batch_size $((8 * K))
    --train.micro_batch_size 8
    # the data set has 256 prompts
    --data.max_samples $((steps < 32 ? 8 * steps : 256))
    --train.num_episodes $(((steps + 31) / 32))
    --ckpt.save_steps "$steps"
  )
  has eval.dataset && TINY+=(--eval.dataset "$CACHE/tiny/test.parquet" --eval.steps "$steps")
  # replace any reward model, and a classifier or embedder from the hub; keep a classifier or embedder that is a local folder
  ! has reward.model_name_or_path || TINY+=(--reward.model_name_or_path "$CACHE/tiny/reward_model")
  ! has algo.diversity.classifier || [ -d "$CLASSIFIER" ] || TINY+=(--algo.diversity.classifier "$CACHE/tiny/classifier")
  ! has algo.diversity.embedder || [ -d "$EMBEDDER" ] || TINY+=(--algo.diversity.embedder sentence-transformers/all-MiniLM-L6-v2)
  ! has algo.diversity.placement || TINY+=(--algo.diversity.placement cpu)
  [ -n "${DRY_RUN:-}" ] || make_tiny
}

# refuses $1 steps that are more than an episode of $2 and not a multiple of it: OpenRLHF counts episodes
whole_episodes() {
  [ "$1" -le "$2" ] || [ $(($1 % $2)) = 0 ] || refuse "STEPS=$1: an episode has $2 steps here. Type at most $2, or a multiple of it"
}

# stops after STEPS steps
limit_steps() {
  local file steps=$STEPS episodes=1
  file=$(printf '%s\n' "${ARGS[@]}" | grep -A1 -x -e --data.prompt_dataset | tail -n 1)
  if [ -e "$file" ]; then
    steps=$(python -c 'import pyarrow.parquet as p, sys; print(p.read_metadata(sys.argv[1]).num_rows // int(sys.argv[2]))' "$file" "$BATCH")
    whole_episodes "$STEPS" "$steps"
    [ "$STEPS" -le "$steps" ] || episodes=$((STEPS / steps))
    [ "$STEPS" -ge "$steps" ] || steps=$STEPS
  fi
  TINY=(--data.max_samples $((BATCH * steps)) --train.num_episodes "$episodes")
}

# whether the recipe has this flag
has() { [[ " ${ARGS[*]} " == *" --$1 "* ]]; }

train() {
  local all word text="python -m dqo_verl.openrlhf"
  TINY=() PLACE=(
    --ckpt.output_dir "$OUT/policy"
    --ckpt.path "$OUT/checkpoints"
    --ckpt.load_enable
    --logger.tensorboard_dir "$OUT/tensorboard"
    --logger.wandb.run_name "${RECIPE##*/}"
  )
  if [ "$PROFILE" = cpu ]; then
    on_cpu
  else
    on_gpus
    [ -z "${STEPS:-}" ] || limit_steps
  fi
  local knobs=(
    --actor.model_name_or_path "$MODEL"
    --actor.adam.lr "$LR"
    --algo.kl.init_coef "$KL"
    --data.input_key prompt
    --data.apply_chat_template
    --data.max_len $((PROMPT + RESPONSE))
    --rollout.max_new_tokens "$RESPONSE"
    --rollout.batch_size "$BATCH"
    --rollout.n_samples_per_prompt "$K"
    --rollout.micro_batch_size "$MICRO"
    # one update per rollout
    --train.batch_size $((BATCH * K))
    --train.micro_batch_size "$MICRO"
    --train.num_episodes "$EPOCHS"
  )
  all=("${PLACE[@]}" "${knobs[@]}" "${ARGS[@]}" "${TINY[@]}" "$@")
  for word in "${all[@]}"; do
    case $word in --*) text+=$' \\\n  '$(quoted "$word") ;; *) text+=" $(quoted "$word")" ;; esac
  done
  if [ -n "${DRY_RUN:-}" ]; then
    [ "$PROFILE" = gpu ] || echo "# run this in $ROOT: it needs experiments/. Only a run without DRY_RUN makes the models in $CACHE" >&2
    echo "$text"
    return
  fi
  if [ -n "${CHECK:-}" ]; then
    (cd "$ROOT" && DQO_VERL_CHECK=1 python -m dqo_verl.openrlhf "${all[@]}")
    return
  fi
  mkdir -p "$OUT"
  seen_by_all_nodes
  echo "$text" >"$OUT/command.sh"
  export RAY_USAGE_STATS_ENABLED=0 RAY_DEDUP_LOGS=0
  { (cd "$ROOT" && PYTHONUNBUFFERED=1 python -m dqo_verl.openrlhf "${all[@]}") 2>&1 && status=0 || status=$?
    printf '\n[dqo_verl] ended with exit status %s\n' "$status"; } | python "$RECIPES/progress.py" "$OUT" openrlhf
}
