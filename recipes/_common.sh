# Shared by all recipes: sourced, not run (OpenRLHF's recipes: openrlhf/_common.sh). A recipe declares its knobs (`knobs`),
# lists verl's overrides in ARGS, and calls `train "$@"`. Where a key is set twice, the later override counts. The order is:
# folders and GPUs of the run, ARGS, the tiny profile, what the user typed.
#
# OUT=DIR      folder of the run (default: outputs/<recipe>/<date>); the same DIR resumes the run
# PROFILE=cpu  use the tiny profile (_tiny.sh), even on a machine with a GPU (default: gpu if the machine has one)
# DRY_RUN=1    print the command instead of running it
# CHECK=1      check the command, show every diversity setting and where it comes from, and train nothing
# VERBOSE=1    show verl's full output on the terminal, not only in $OUT/train.log
# NNODES=4     use a running Ray cluster (ray start --head, ray start --address=... on the other nodes), named by RAY_ADDRESS or
#              found on this machine. With one node the run starts its own Ray, unless RAY_ADDRESS is set
# STEPS=5      stop after this many steps (default: the recipe's epochs; 20 on the tiny profile)
# NGPUS        training GPUs per node (default: all; in recipes that serve a reward model all minus RM_GPUS, by default half)
# DATA=DIR     prepared data, DIR/NAME/SPLIT.parquet (default: ~/.cache/dqo_verl/data); missing files are prepared there
set -euo pipefail
shopt -s extglob
RECIPES=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SCRIPT=$(realpath --relative-to="$RECIPES" "$0")
TYPED=("$@")
source "$RECIPES/_tiny.sh"

# knobs K=4 ALPHA dqo_gsm8k_qwen.sh ...: declares a knob with a default, a knob without one, and the knobs of a recipe that this
# one runs. A variable in the environment overrides the default. A variant lists in WITHOUT the knobs of its root recipe that it
# doesn't have; they are set to empty.
knobs() {
  local knob name
  python3 "$RECIPES/_knobs.py" "$SCRIPT" "${WITHOUT:-}" "$@" -- "${TYPED[@]}"
  for name in ${WITHOUT:-}; do declare -g "$name="; done
  for knob; do
    name=${knob%%=*}
    case $knob in
      *.sh) continue ;;
      *=*) [ -v "$name" ] || declare -g "$knob" ;;
    esac
    # make paths absolute: verl starts in the checkout, not in the user's folder
    case $name in MODEL | RM | CLASSIFIER | EMBEDDER) [ ! -d "${!name:-}" ] || declare -g "$name=$(realpath "${!name}")" ;; esac
    # not exported, because the recipes that a sweep runs may not have this knob
    export -n "$name"
  done
  source "$RECIPES/_setup.sh" >&2
  RECIPE=${RECIPE:-${SCRIPT%.sh}}
  OUT=$(realpath -m "${OUT:-outputs/$RECIPE/$(date +%Y%m%d-%H%M%S)}")
  PROFILE=${PROFILE:-$(has_gpu && echo gpu || echo cpu)}
  CACHE=${DQO_VERL_CACHE:-$HOME/.cache/dqo_verl}
  # absolute, because verl starts in the checkout
  CACHE=$(realpath -m "$CACHE")
  DATA=$(realpath -m "${DATA:-$CACHE/data}")
  GPUS=$(has_gpu && count_gpus || echo 8)
  NNODES=${NNODES:-1}
}

# the number of GPUs that this shell may use; the parts of a GPU (MIG) are not counted
count_gpus() {
  if [ -n "${CUDA_VISIBLE_DEVICES:-}" ]; then
    tr , '\n' <<<"$CUDA_VISIBLE_DEVICES" | grep -c .
  else
    nvidia-smi -L | grep -c ^GPU
  fi
}

refuse() { echo "$1" >&2 && exit 2; }

# whether DRY_RUN or CHECK is set, so nothing runs
only_shows() { [ -n "${DRY_RUN:-}${CHECK:-}" ]; }

# prepares each NAME/SPLIT that is missing
prepare_data() {
  local set
  [ "$PROFILE" = gpu ] && [ -z "${DRY_RUN:-}" ] || return 0
  for set; do [ -e "$DATA/$set.parquet" ] || dqo-verl prepare "${set%/*}" --out "$DATA/${set%/*}"; done
}

# a sweep's runs are not run again with the same OUT, so one OUT must hold runs with the same settings $1
one_setting() {
  ! only_shows || return 0
  mkdir -p "$OUT"
  [ -e "$OUT/settings" ] || echo "$1" >"$OUT/settings"
  [ "$(cat "$OUT/settings")" = "$1" ] || refuse "$OUT holds runs with $(cat "$OUT/settings"), not with $1. Type OUT=DIR to use another folder"
}

# half of the GPUs serve the reward model, the others train
split_gpus() {
  [ "$PROFILE" = cpu ] || [ "$GPUS" -ge 2 ] || refuse "$RECIPE serves its reward model on separate GPUs, so it needs at least two; this machine has $GPUS"
  RM_GPUS=${RM_GPUS:-$((GPUS / 2))}
  NGPUS=${NGPUS:-$((GPUS - RM_GPUS))}
}

# prints the word $1, quoted if a shell needs it
quoted() { if [[ $1 =~ ^[[:alnum:]_./:=+,@%-]+$ ]]; then printf '%s\n' "$1"; else printf '%s\n' "${1@Q}"; fi; }

# prints the path $1 for Hydra: in quotes if it has =, a comma, brackets, quotes or non-ASCII letters
hydra() { case $1 in *[!A-Za-z0-9_./:@%+-]*) printf "'%s'" "${1//\'/\\\'}" ;; *) printf '%s' "$1" ;; esac; }

# prints files as a list for Hydra
listed() {
  local file found=""
  for file; do found+=,$(hydra "$file"); done
  printf '[%s]' "${found#,}"
}

# runs a command, or only prints it (DRY_RUN, CHECK)
show() {
  local word text=""
  if ! only_shows; then
    "$@"
  else
    for word; do text+="$(quoted "$word") "; done
    echo "${text% }"
  fi
}

# of a sweep, whose runs together would fill the disk
ONE_CHECKPOINT=(trainer.max_{actor,critic}_ckpt_to_keep=1)

# run NAME SCRIPT [override ...]: one run of a sweep, in $OUT/NAME; the same OUT resumes it
run() {
  echo "== $RECIPE: $1" >&2
  OUT="$OUT/$1" RECIPE="$RECIPE-$1" bash "$RECIPES/$2" "${ONE_CHECKPOINT[@]}" "${@:3}"
}

# settings of verl that follow from the knobs and from the machine's GPUs; $@: what the user typed
settings_of_gpus() {
  local cores needed=$((12 + 3 * GPUS))
  # verl's many light actors take a CPU each; on a machine with few cores they would wait for one another for ever
  cores=$(nproc)
  [ "$NNODES" != 1 ] || [ -n "${RAY_ADDRESS:-}" ] || [[ " $* " == *ray_init.address=* ]] || echo ray_kwargs.ray_init.num_cpus=$((cores > needed ? cores : needed))
  # other nodes may load their models later
  [ "$NNODES" = 1 ] || echo actor_rollout_ref.nccl_timeout=3600
  [ -z "${TOKENS:-}" ] || echo critic.ppo_max_token_len_per_gpu="$TOKENS"
  # otherwise vLLM wants room for a response as long as the model can write, 131,072 tokens, or does not start
  # (a length that the user types may be longer)
  [[ $* == *@(max_prompt|max_response|rollout.prompt|rollout.response)_length=* ]] || echo actor_rollout_ref.rollout.max_model_len=$((PROMPT + RESPONSE))
}

has_flash_attention() { python -c 'import importlib.util as u, sys; sys.exit(not u.find_spec("flash_attn"))'; }

# every node writes checkpoints to OUT
seen_by_all_nodes() { [ "$PROFILE" = cpu ] || [ "$NNODES" = 1 ] || python "$RECIPES/shared_folder.py" "$OUT"; }

# $1: the run's folder
summarise() { (cd "$ROOT" && python "$RECIPES/summary.py" "$1" "$SCRIPT"); }

train() {
  local all=() of_gpus=() override text="python -m verl.trainer.main_ppo" status
  local place=(
    trainer.n_gpus_per_node="${NGPUS:-$GPUS}"
    trainer.nnodes="$NNODES"
    "trainer.logger=[console,file]"
    trainer.project_name=dqo_verl
    trainer.experiment_name="$RECIPE"
    hydra.run.dir="$OUT/hydra"
    trainer.default_local_dir="$OUT/checkpoints"
    trainer.validation_data_dir="$OUT/validation"
    # null would keep all checkpoints and fill the disk
    trainer.max_actor_ckpt_to_keep=3
    trainer.max_critic_ckpt_to_keep=3
    # a Ray cluster that is already running does not see this shell's environment
    +ray_kwargs.ray_init.runtime_env.env_vars.VERL_FILE_LOGGER_PATH="$OUT/metrics-$(date +%s).jsonl"
  )
  [ -z "${STEPS:-}" ] || place+=(trainer.total_training_steps="$STEPS")
  TINY=()
  if [ "$PROFILE" = cpu ]; then
    tiny_profile
  else
    # STEPS may be more than the recipe's epochs have
    [ -z "${STEPS:-}" ] || TINY=(trainer.total_epochs=1000)
  fi
  if [ "$PROFILE" = gpu ]; then
    mapfile -t of_gpus < <(settings_of_gpus "$@")
    place+=("${of_gpus[@]}")
  fi
  if [ "$PROFILE" = gpu ] && ! has_flash_attention; then
    echo "flash-attn is not installed: attention by PyTorch's sdpa, which needs more memory where TOKENS is large (requirements/flash_attn.txt)" >&2
    # without flash-attn and without fused kernels, verl computes log-probabilities token by token in Python
    place+=({+actor_rollout_ref,+critic}.model.override_config.attn_implementation=sdpa actor_rollout_ref.model.use_fused_kernels=True)
  fi
  # `local`: don't join a Ray that someone else started on this machine
  place+=(+ray_kwargs.ray_init.address="${RAY_ADDRESS:-$([ "$PROFILE" = cpu ] || [ "$NNODES" = 1 ] && echo local || echo auto)}")
  for override in "${place[@]}" "${ARGS[@]}" "${TINY[@]}"; do
    case $override in *=/*) override=${override%%=*}=$(hydra "${override#*=}") ;; esac
    all+=("$override")
  done
  all+=("$@")
  # Hydra refuses a second +key=value; ++key=value adds or overrides
  all=("${all[@]/#+(+)/++}")
  for override in "${all[@]}"; do text+=$' \\\n  '$(quoted "$override"); done
  if [ -n "${DRY_RUN:-}" ]; then
    [ "$PROFILE" = gpu ] || echo "# run this in $ROOT: it needs experiments/. Only a run without DRY_RUN makes the models in $CACHE" >&2
    echo "$text"
    return
  fi
  if [ -n "${CHECK:-}" ]; then
    (cd "$ROOT" && dqo-verl check -- "${all[@]}")
    return
  fi
  mkdir -p "$OUT"
  seen_by_all_nodes
  [ "$PROFILE" = cpu ] || python "$RECIPES/prefetch.py" "${all[@]}"
  echo "$text" >"$OUT/command.sh"
  export RAY_USAGE_STATS_ENABLED=0
  { (cd "$ROOT" && PYTHONUNBUFFERED=1 python -m verl.trainer.main_ppo "${all[@]}") 2>&1 && status=0 || status=$?
    printf '\n[dqo_verl] ended with exit status %s\n' "$status"; } | python "$RECIPES/progress.py" "$OUT"
  summarise "$OUT"
}
