# Sourced by every recipe and by tests/run.sh. Puts a `python` with verl and dqo_verl on the PATH, from the first of:
# 1. .venv in this checkout, if an earlier run created it;
# 2. the active environment, if it has verl and dqo_verl, or on GPUs verl alone: then dqo_verl is added to it;
# 3. a new .venv (a few minutes).
# PROFILE=cpu on a machine with GPUs uses .venv-cpu, because torch and vLLM need other builds there.
# TRAINER=openrlhf uses .venv-openrlhf; without a GPU it builds on .venv and holds only the packages that differ.
# PYTHON=python3.12 creates a new environment with this Python (default: the first of python3.11, python3.12 and python3 that is
# 3.11 or 3.12).
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# an empty CUDA_VISIBLE_DEVICES hides all GPUs
gpu_here() { [ "${CUDA_VISIBLE_DEVICES-all}" ] && command -v nvidia-smi >/dev/null && nvidia-smi -L >/dev/null 2>&1; }
has_gpu() { [ "${PROFILE:-gpu}" = gpu ] && gpu_here; }

ASIDE=$(has_gpu || ! gpu_here || echo -cpu)
VENV=${VENV:-$ROOT/.venv$(has_gpu && [ "${TRAINER:-}" = openrlhf ] && echo -openrlhf || true)$ASIDE}

# prints the elapsed time and the last line of log file $1 every ten seconds, until it is killed
tell_every_ten_seconds() {
  local began=$SECONDS
  while sleep 10 >/dev/null 2>&1 && kill -0 "$$" 2>/dev/null; do echo "  $((SECONDS - began)) s: $(tail -n 1 "$1" | cut -c1-100)"; done
}

# --no-compile: Python compiles modules when it imports them; compiling all of them here would double the time
install() {
  if uses_uv; then
    uv pip install --python "$VENV/bin/python" "$@"
  else
    "$VENV/bin/python" -m pip --disable-pip-version-check install --no-compile "$@"
  fi
}

# uv is much faster than pip, but does not read pip's configuration: where pip has an index or constraints of its own, pip installs
uses_uv() {
  command -v uv >/dev/null && [ -z "$("$VENV/bin/python" -m pip config list | grep -E 'index|find-links|constraint|cert')" ]
}

# the constraints have builds for CUDA 13
new_enough_driver() {
  local driver
  driver=$(nvidia-smi --query-gpu=driver_version --format=csv,noheader 2>/dev/null | head -n 1) || true
  [[ ${driver%%.*} =~ ^[0-9]+$ ]] && [ "${driver%%.*}" -lt 580 ] || return 0
  echo "the driver of the GPUs is version $driver, but torch for CUDA 13 needs 580 or newer. Update the driver, or activate an environment of your own with verl" >&2
  return 1
}

create_environment() {
  local log=$VENV/setup.log python teller
  for python in ${PYTHON:-python3.11 python3.12 python3}; do
    "$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' 2>/dev/null && break
    python=""
  done
  [ -n "$python" ] || { echo "dqo_verl's environment needs Python 3.11 or 3.12; tried: ${PYTHON:-python3.11 python3.12 python3}. Write PYTHON=/path/to/python3.12 in front of the command" >&2; return 1; }
  ! has_gpu || new_enough_driver || return 1
  echo "setting up $VENV (once, a few minutes; log: $log)"
  "$python" -m venv --clear "$VENV"
  tell_every_ten_seconds "$log" & teller=$!
  disown
  {
    if has_gpu && [ "${TRAINER:-}" = openrlhf ]; then
      # flash-attn is built against the installed torch (which needs nvcc and may take an hour), or downloaded from its own releases
      install vllm==0.29.0 ninja wheel packaging psutil && install --no-build-isolation flash-attn==2.8.3 && install "$ROOT[openrlhf,math,evaluation]"
    elif has_gpu; then
      install "$ROOT[gpu,math,evaluation,classifier]" -c "$ROOT/requirements/gpu-constraints.txt"
    else
      # the CPU build of torch: from PyTorch's own index if the default index does not have it
      { install --no-deps "torch==2.13.0+cpu" ||
        install --no-deps --index-url https://download.pytorch.org/whl/cpu "torch==2.13.0+cpu"; } &&
        install --no-deps -r "$ROOT/requirements/cpu.txt"
    fi && install --no-deps --editable "$ROOT" && touch "$VENV/complete"
  } >"$log" 2>&1 || { kill "$teller" || true; tail -n 15 "$log" >&2; echo "the setup failed; full log: $log" >&2; return 1; }
  kill "$teller" || true
}

# creates an environment on top of $1, the one for verl without a GPU. It holds only what differs: OpenRLHF, DeepSpeed, and the
# transformers that OpenRLHF requires
create_upon() {
  local log=$VENV/setup.log teller
  echo "setting up $VENV (once, a minute; log: $log)"
  "$1/bin/python" -m venv --clear "$VENV"
  tell_every_ten_seconds "$log" & teller=$!
  disown
  # DeepSpeed is built before upon.pth makes the other environment's torch visible: it cannot use that torch's build tools
  DS_BUILD_OPS=0 install --no-deps $(uses_uv || echo --use-pep517) -r "$ROOT/requirements/openrlhf.txt" >"$log" 2>&1 ||
    { kill "$teller" || true; tail -n 15 "$log" >&2; echo "the setup failed; full log: $log" >&2; return 1; }
  echo "import site; site.addsitedir('$(echo "$1"/lib/python3*/site-packages)')" >"$(echo "$VENV"/lib/python3*/site-packages)/upon.pth"
  touch "$VENV/complete"
  kill "$teller" || true
}

# whether the active environment has the trainer $1, and whether dqo_verl is installed there (a checkout in the current folder
# does not count)
has_trainer() { python -c 'import importlib.util as u, sys; sys.exit(not u.find_spec(sys.argv[1]))' "$1" 2>/dev/null; }
has_us() { python -c 'import importlib.metadata as m; m.version("dqo_verl")' 2>/dev/null; }

# installs dqo_verl into the active environment, without changing the packages that its trainer runs on
add_to_active() {
  local kept extras=training,math,evaluation,data,classifier
  [ "${TRAINER:-verl}" = verl ] || extras=openrlhf,math,evaluation
  echo "the active environment ($(command -v python)) has ${TRAINER:-verl}: adding dqo_verl; its torch, vLLM and transformers keep their versions"
  kept=$(mktemp)
  python -m pip list --format=freeze | grep -iE '^(verl|openrlhf|torch|vllm|transformers|ray|numpy|tensordict|TransferQueue|flash[_-]attn|deepspeed)==' >"$kept" || true
  python -m pip install -q -c "$kept" --editable "$ROOT[$extras]"
  rm -f "$kept"
}

if [ -z "$ASIDE" ] && [ ! -e "$VENV/complete" ] && has_trainer "${TRAINER:-verl}" && { has_us || has_gpu; }; then
  has_us || add_to_active
else
  if has_gpu || [ "${TRAINER:-}" != openrlhf ]; then
    [ -e "$VENV/complete" ] || create_environment
  else
    UPON=$VENV
    [ -e "$VENV/complete" ] || create_environment
    VENV=$ROOT/.venv-openrlhf$ASIDE
    [ -e "$VENV/complete" ] || create_upon "$UPON"
    PATH="$UPON/bin:$PATH"
  fi
  export PATH="$VENV/bin:$PATH"
  unset PYTHONDONTWRITEBYTECODE
fi
# Without a GPU there are more processes than cores: threads that busy-wait for each other would almost stop all progress
has_gpu || export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-passive}
# experiments/ is not in the package
export PYTHONPATH="$ROOT${PYTHONPATH:+:$PYTHONPATH}"
