# What all recipes share; sourced, not run. A recipe sets its knobs, sources this file, says what it needs (method, use_data,
# a reward), adds its own settings to ARGS, and calls `train "$@"`.
#
# OUT=DIR      where the run goes (default: outputs/<recipe>/<date>); the same DIR again resumes there
# PROFILE=cpu  the tiny profile, also on a machine with a GPU (default: gpu where there is one)
# DRY_RUN=1    print the command instead of running it
# VERBOSE=1    verl's whole output on the terminal, not only in $OUT/train.log
# NNODES=4     on a running Ray cluster (ray start --head, ray start --address=... on the others), found by RAY_ADDRESS or here
# STEPS=5      stop after so many (default: the recipe's epochs; 20 on the tiny profile)
# NGPUS        of each node, for training (default: all, less what a served reward model takes: RM_GPUS, half of them)
# DATA=DIR     prepared data, DIR/NAME/SPLIT.parquet (default: ~/.cache/dqo_verl/data); what is missing is prepared there
set -euo pipefail
RECIPES=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$RECIPES/_setup.sh"
source "$RECIPES/_methods.sh"

RECIPE=${RECIPE:-$(basename "$0" .sh)}
OUT=$(realpath -m "${OUT:-outputs/$RECIPE/$(date +%Y%m%d-%H%M%S)}")
PROFILE=${PROFILE:-$(has_gpu && echo gpu || echo cpu)}
CACHE=${DQO_VERL_CACHE:-$HOME/.cache/dqo_verl}
DATA=${DATA:-$CACHE/data}
GPUS=$(has_gpu && nvidia-smi -L | wc -l || echo 8)
NNODES=${NNODES:-1}
ARGS=() TINY=()

# the set to train on, then those to validate on, each as NAME/SPLIT
use_data() {
  local set files=()
  for set in "$@"; do
    files+=("$DATA/$set.parquet")
    [ "$PROFILE" = cpu ] || [ -n "${DRY_RUN:-}" ] || [ -e "$DATA/$set.parquet" ] ||
      dqo-verl prepare "${set%/*}" --out "$DATA/${set%/*}"
  done
  ARGS+=(data.train_files="${files[0]}" data.val_files="$(IFS=, && echo "[${files[*]:1}]")" data.filter_overlong_prompts=True)
}

rule() {
  ARGS+=(reward.custom_reward_function.path="pkg://dqo_verl.rewards.$1" reward.custom_reward_function.name=compute_score)
}

# a reward model that verl serves by vLLM, on GPUs of its own
served_reward_model() {
  [ "$PROFILE" = cpu ] || [ "$GPUS" -ge 2 ] || { echo "$RECIPE serves its reward model on GPUs of its own: two are needed" >&2; exit 1; }
  RM_GPUS=${RM_GPUS:-$((GPUS / 2))}
  NGPUS=${NGPUS:-$((GPUS - RM_GPUS))} NEEDS_JUDGES=1
  rule reward_model
  ARGS+=(
    reward.reward_model.enable=True reward.reward_model.enable_resource_pool=True
    reward.reward_model.nnodes="$NNODES" reward.reward_model.n_gpus_per_node="$RM_GPUS"
    reward.reward_model.model_path="$1" reward.reward_model.rollout.name=vllm
    reward.reward_model.rollout.tensor_model_parallel_size=1 reward.reward_model.rollout.gpu_memory_utilization=0.8
  )
  TINY+=(
    reward.reward_model.model_path="$CACHE/tiny/reward_model" reward.reward_model.nnodes=1 reward.reward_model.n_gpus_per_node=1
    +reward.reward_model.rollout.max_model_len=256
  )
}

# a reward model that vLLM cannot serve, in one Ray actor on a training GPU (RM_PLACEMENT: shared | gpu | cpu)
in_process_reward_model() {
  local kwargs=+reward.custom_reward_function.reward_kwargs
  NEEDS_JUDGES=1
  rule hf_scorer
  ARGS+=("$kwargs.model=$1" "$kwargs.placement=${RM_PLACEMENT:-shared}")
  TINY+=("$kwargs.model=$CACHE/tiny/reward_model" "$kwargs.placement=cpu")
}

# OMP_WAIT_POLICY: beside any other work, threads that spin while they wait for each other come to a standstill
make_tiny() {
  echo "no GPU in use: training a tiny policy (0.5 million parameters) on sums, through the same engine"
  OMP_WAIT_POLICY=passive python -m experiments.tiny.policy "$CACHE/tiny"
  [ -z "${NEEDS_JUDGES:-}" ] || OMP_WAIT_POLICY=passive python -m experiments.tiny.judges "$CACHE/tiny"
}

# sizes that fit two CPU cores; the engine is the same: Ray, FSDP2, vLLM
tiny_profile() {
  [ -n "${DRY_RUN:-}" ] || make_tiny
  TINY=(
    trainer.device=cpu trainer.n_gpus_per_node=1 trainer.nnodes=1
    data.train_files="$CACHE/tiny/train.parquet" data.val_files="$CACHE/tiny/test.parquet"
    data.train_batch_size=16 data.max_prompt_length=64 data.max_response_length=48 data.dataloader_num_workers=0
    actor_rollout_ref.model.path="$CACHE/tiny/policy"
    actor_rollout_ref.model.enable_gradient_checkpointing=False
    actor_rollout_ref.actor.optim.lr=1e-4
    actor_rollout_ref.actor.ppo_mini_batch_size=$((16 * ${MINI:-1} / ${BATCH:-1}))
    actor_rollout_ref.actor.use_dynamic_bsz=False actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu=16
    actor_rollout_ref.ref.log_prob_micro_batch_size_per_gpu=16
    actor_rollout_ref.rollout.log_prob_micro_batch_size_per_gpu=16
    actor_rollout_ref.rollout.tensor_model_parallel_size=1
    actor_rollout_ref.rollout.max_model_len=128 actor_rollout_ref.rollout.max_num_seqs=64
    actor_rollout_ref.rollout.agent.num_workers=1
    actor_rollout_ref.rollout.checkpoint_engine.update_weights_bucket_megabytes=16
    critic.model.path="$CACHE/tiny/policy" critic.model.tokenizer_path="$CACHE/tiny/policy"
    critic.ppo_micro_batch_size_per_gpu=16 critic.optim.lr=1e-3
    reward.num_workers=1
    transfer_queue.backend.SimpleStorage.num_data_storage_units=1
    trainer.total_training_steps="${STEPS:-20}" trainer.test_freq="${STEPS:-20}" trainer.save_freq="${STEPS:-20}"
    "${TINY[@]}"
  )
}

# $1: an override -> its key
key_of() { local key=${1%%=*}; echo "${key##*[+~]}"; }

train() {
  ARGS=(
    data.train_batch_size="$BATCH" data.max_prompt_length="$PROMPT" data.max_response_length="$RESPONSE"
    actor_rollout_ref.model.path="$MODEL" critic.model.path="$MODEL"
    actor_rollout_ref.actor.optim.lr="$LR" actor_rollout_ref.actor.ppo_mini_batch_size="${MINI:=$BATCH}"
    actor_rollout_ref.actor.use_dynamic_bsz=True actor_rollout_ref.actor.ppo_max_token_len_per_gpu="${TOKENS:-16384}"
    actor_rollout_ref.actor.use_kl_loss="$([ "$KL" = 0 ] && echo False || echo True)"
    actor_rollout_ref.actor.kl_loss_coef="$KL" actor_rollout_ref.actor.kl_loss_type=low_var_kl
    actor_rollout_ref.actor.calculate_entropy=True
    actor_rollout_ref.rollout.name=vllm actor_rollout_ref.rollout.n="$K" actor_rollout_ref.rollout.temperature=1.0
    actor_rollout_ref.rollout.tensor_model_parallel_size="${TP:-1}"
    actor_rollout_ref.rollout.gpu_memory_utilization="${GPU_MEMORY:-0.6}"
    actor_rollout_ref.rollout.val_kwargs.do_sample=True
    trainer.n_gpus_per_node="${NGPUS:-$GPUS}" trainer.nnodes="$NNODES" trainer.total_epochs="$EPOCHS"
    trainer.val_before_train=True trainer.test_freq=25 trainer.save_freq=50 ${STEPS:+trainer.total_training_steps="$STEPS"}
    trainer.max_actor_ckpt_to_keep=3 trainer.max_critic_ckpt_to_keep=3 # null keeps all, if the disk bears it
    "trainer.logger=[console,file]" trainer.project_name=dqo_verl trainer.experiment_name="$RECIPE"
    trainer.default_local_dir="$OUT/checkpoints" trainer.validation_data_dir="$OUT/validation" hydra.run.dir="$OUT/hydra"
    # a Ray that runs already does not see this shell's environment
    +ray_kwargs.ray_init.runtime_env.env_vars.VERL_FILE_LOGGER_PATH="$OUT/metrics-$(date +%s).jsonl"
    "${ARGS[@]}"
  )
  if [ "$PROFILE" = cpu ]; then
    tiny_profile
  else
    TINY=()
    [ "$NNODES" = 1 ] || ARGS+=(+ray_kwargs.ray_init.address="${RAY_ADDRESS:-auto}")
  fi
  # each key once: what the user types wins over the tiny profile, and that over the recipe
  declare -A seen=()
  local command=() key i all=("${ARGS[@]}" "${TINY[@]}" "$@")
  for ((i = ${#all[@]} - 1; i >= 0; i--)); do
    key=$(key_of "${all[i]}")
    [ -n "${seen[$key]:-}" ] || command=("${all[i]}" "${command[@]}")
    seen[$key]=1
  done
  command=(python -m verl.trainer.main_ppo "${command[@]}")
  if [ -n "${DRY_RUN:-}" ]; then
    printf '%q ' "${command[@]}" && echo
    return
  fi
  mkdir -p "$OUT"
  export RAY_USAGE_STATS_ENABLED=0
  printf '%q ' "${command[@]}" >"$OUT/command.sh"
  { (cd "$ROOT" && PYTHONUNBUFFERED=1 "${command[@]}") 2>&1 && status=0 || status=$?
    printf '\n[dqo_verl] verl ended with exit status %s\n' "$status"; } | python "$RECIPES/progress.py" "$OUT"
}
