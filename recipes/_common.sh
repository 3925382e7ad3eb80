# What all recipes share; sourced, not run (for OpenRLHF's: openrlhf/_common.sh). A recipe names its knobs (`knobs`), lists verl's
# overrides in ARGS, and calls `train "$@"`. Hydra takes the last of equal overrides: the place of the run, ARGS, the tiny profile, what the user typed.
#
# OUT=DIR      where the run goes (default: outputs/<recipe>/<date>); the same DIR again resumes there
# PROFILE=cpu  the tiny profile (_tiny.sh), also on a machine with a GPU (default: gpu where there is one)
# DRY_RUN=1    print the command instead of running it
# CHECK=1      check the command, show every setting of diversity and where it comes from, and start nothing
# VERBOSE=1    verl's whole output on the terminal, not only in $OUT/train.log
# NNODES=4     on a running Ray cluster (ray start --head, ray start --address=... on the others), found by RAY_ADDRESS or here.
#              One node: a Ray of its own, unless RAY_ADDRESS names one
# STEPS=5      stop after so many (default: the recipe's epochs; 20 on the tiny profile)
# NGPUS        of each node, for training (default: all, less what a served reward model takes: RM_GPUS, half of them)
# DATA=DIR     prepared data, DIR/NAME/SPLIT.parquet (default: ~/.cache/dqo_verl/data); what is missing is prepared there
set -euo pipefail
shopt -s extglob
RECIPES=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SCRIPT=$(realpath --relative-to="$RECIPES" "$0")
TYPED=("$@")
source "$RECIPES/_tiny.sh"

# knobs K=4 ALPHA dqo_gsm8k_qwen.sh ...: a knob with its default, one without, and the knobs of a recipe that this one runs.
# What is in the environment wins. A variant names in WITHOUT what its root has and it has not: those are empty.
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
    # verl starts in the checkout, wherever the user is
    case $name in MODEL | RM | CLASSIFIER | EMBEDDER) [ ! -d "${!name:-}" ] || declare -g "$name=$(realpath "${!name}")" ;; esac
    # the recipes that a sweep runs have other knobs
    export -n "$name"
  done
  source "$RECIPES/_setup.sh" >&2
  RECIPE=${RECIPE:-${SCRIPT%.sh}}
  OUT=$(realpath -m "${OUT:-outputs/$RECIPE/$(date +%Y%m%d-%H%M%S)}")
  PROFILE=${PROFILE:-$(has_gpu && echo gpu || echo cpu)}
  CACHE=${DQO_VERL_CACHE:-$HOME/.cache/dqo_verl}
  DATA=${DATA:-$CACHE/data}
  GPUS=$(has_gpu && nvidia-smi -L | wc -l || echo 8)
  NNODES=${NNODES:-1}
}

refuse() { echo "$1" >&2 && exit 2; }

# whether nothing is to be run
only_shows() { [ -n "${DRY_RUN:-}${CHECK:-}" ]; }

# each of NAME/SPLIT that is missing
prepare_data() {
  local set
  [ "$PROFILE" = gpu ] && [ -z "${DRY_RUN:-}" ] || return 0
  for set; do [ -e "$DATA/$set.parquet" ] || dqo-verl prepare "${set%/*}" --out "$DATA/${set%/*}"; done
}

# half of the GPUs serve the reward model, the others train
split_gpus() {
  [ "$PROFILE" = cpu ] || [ "$GPUS" -ge 2 ] || refuse "$RECIPE serves its reward model on GPUs of its own: two are needed"
  RM_GPUS=${RM_GPUS:-$((GPUS / 2))}
  NGPUS=${NGPUS:-$((GPUS - RM_GPUS))}
}

# $1: a word, quoted if a shell needs it
quoted() { if [[ $1 =~ ^[[:alnum:]_./:=+,@%-]+$ ]]; then printf '%s\n' "$1"; else printf '%s\n' "${1@Q}"; fi; }

# $1: a path as Hydra reads it: one with =, a comma, brackets, quotes or letters beyond ASCII goes in quotes
hydra() { case $1 in *[!A-Za-z0-9_./:@%+-]*) printf "'%s'" "${1//\'/\\\'}" ;; *) printf '%s' "$1" ;; esac; }

# a list of files as Hydra reads it
listed() {
  local file found=""
  for file; do found+=,$(hydra "$file"); done
  printf '[%s]' "${found#,}"
}

# runs a command, or prints it
show() {
  local word text=""
  if ! only_shows; then
    "$@"
  else
    for word; do text+="$(quoted "$word") "; done
    echo "${text% }"
  fi
}

# run NAME SCRIPT [override ...]: one run of a sweep, into $OUT/NAME. The same OUT again resumes.
run() {
  echo "== $RECIPE: $1" >&2
  OUT="$OUT/$1" RECIPE="$RECIPE-$1" bash "$RECIPES/$2" "${@:3}"
}

# $1: the run's folder
summarise() { (cd "$ROOT" && python "$RECIPES/summary.py" "$1" "$SCRIPT"); }

train() {
  local all=() override text="python -m verl.trainer.main_ppo" status
  local place=(
    trainer.n_gpus_per_node="${NGPUS:-$GPUS}"
    trainer.nnodes="$NNODES"
    "trainer.logger=[console,file]"
    trainer.project_name=dqo_verl
    trainer.experiment_name="$RECIPE"
    hydra.run.dir="$OUT/hydra"
    trainer.default_local_dir="$OUT/checkpoints"
    trainer.validation_data_dir="$OUT/validation"
    # null keeps all of them, which fills a disk
    trainer.max_actor_ckpt_to_keep=3
    trainer.max_critic_ckpt_to_keep=3
    # a Ray that runs already does not see this shell's environment
    +ray_kwargs.ray_init.runtime_env.env_vars.VERL_FILE_LOGGER_PATH="$OUT/metrics-$(date +%s).jsonl"
  )
  [ -z "${STEPS:-}" ] || place+=(trainer.total_training_steps="$STEPS")
  TINY=()
  if [ "$PROFILE" = cpu ]; then
    tiny_profile
  fi
  # a Ray that somebody else has started on this machine is left alone
  place+=(+ray_kwargs.ray_init.address="${RAY_ADDRESS:-$([ "$PROFILE" = cpu ] || [ "$NNODES" = 1 ] && echo local || echo auto)}")
  for override in "${place[@]}" "${ARGS[@]}" "${TINY[@]}"; do
    case $override in *=/*) override=${override%%=*}=$(hydra "${override#*=}") ;; esac
    all+=("$override")
  done
  all+=("$@")
  # a second +key=value is an error of Hydra's, ++key=value adds or overrides
  all=("${all[@]/#+(+)/++}")
  for override in "${all[@]}"; do text+=$' \\\n  '$(quoted "$override"); done
  if [ -n "${DRY_RUN:-}" ]; then
    [ "$PROFILE" = gpu ] || echo "# to be started in $ROOT, where experiments/ is; a run makes the models in $CACHE" >&2
    echo "$text"
    return
  fi
  if [ -n "${CHECK:-}" ]; then
    (cd "$ROOT" && dqo-verl check -- "${all[@]}")
    return
  fi
  [ "$PROFILE" = cpu ] || python "$RECIPES/prefetch.py" "${all[@]}"
  mkdir -p "$OUT"
  echo "$text" >"$OUT/command.sh"
  export RAY_USAGE_STATS_ENABLED=0
  { (cd "$ROOT" && PYTHONUNBUFFERED=1 python -m verl.trainer.main_ppo "${all[@]}") 2>&1 && status=0 || status=$?
    printf '\n[dqo_verl] ended with exit status %s\n' "$status"; } | python "$RECIPES/progress.py" "$OUT"
  summarise "$OUT"
}
