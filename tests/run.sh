#!/usr/bin/env bash
# The checks, in five tiers. The environment is made if there is none.
#   bash tests/run.sh fast            lint, types, unit, property, contract and compose tests; starts neither Ray nor vLLM
#   bash tests/run.sh                 these, and everything that runs on the real engine: what guards main
#   bash tests/run.sh openrlhf        on OpenRLHF's real classes and engine, in .venv-openrlhf: eight minutes
#   bash tests/run.sh weekly          trains each recipe and on each trainer of verl's for two steps, a minute or two each,
#                                     and tries the properties on examples that no run has tried
#   bash tests/run.sh fast -k dpp     what follows goes to pytest
#   bash tests/run.sh soak            disturbs the service for ten minutes: a lost node, killed workers, five hundred steps, fuzzing
# GPUs are not used: beside them the tests make an environment of their own, .venv-cpu.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
trap 'echo "tests/run.sh ${TIER:-}: $((SECONDS / 60)) min $((SECONDS % 60)) s, set-up included"' EXIT
TIER=whole
case ${1:-} in fast | weekly | soak | openrlhf) TIER=$1 && shift ;; esac
case ${1:-} in
  "" | -* | tests/*) ;;
  *) echo "tests/run.sh: there is no tier $1. Tiers: fast, openrlhf, soak, weekly, and the whole without a word" >&2 && exit 2 ;;
esac
export PROFILE=cpu
[ "$TIER" != openrlhf ] || TRAINER=openrlhf
source recipes/_setup.sh
export VENV
python -m pip install -q --no-deps -r requirements/dev.txt
# 5: none of the tests that were typed are in this part
part() {
  local status=0
  python -m pytest --durations=10 "$@" || status=$?
  [ "$status" = 5 ] || { ran=yes && return "$status"; }
}
ran=no failed=no
if [ "$TIER" = weekly ]; then
  OMP_NUM_THREADS=1 part -n auto -m "hypothesis and not openrlhf and not e2e" --hypothesis-profile=searching "$@"
  part --weekly tests/recipes/test_train.py tests/e2e/test_trainers.py "$@"
  [ "$ran" = yes ]
  exit
fi
if [ "$TIER" = openrlhf ] || [ "$TIER" = soak ]; then
  part -m "$TIER" "$@"
  [ "$ran" = yes ]
  exit
fi
ruff check .
ruff format --check .
mypy
# one thread each: as many processes as cores; what fails in one part does not hide what fails in the other
OMP_NUM_THREADS=1 part -n auto -m "not openrlhf and not soak and not e2e$([ "$TIER" = whole ] || echo " and not slow")" "$@" || failed=yes
[ "$TIER" = fast ] || part -m "e2e and not openrlhf and not soak" "$@" || failed=yes
[ "$ran$failed" = yesno ]
