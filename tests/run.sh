#!/usr/bin/env bash
# Runs the checks, in five tiers. Creates the environment on first use.
#   bash tests/run.sh fast            lint, types, unit, property, contract and compose tests; starts neither Ray nor vLLM
#   bash tests/run.sh                 the same, and all tests on the real engine; this tier guards the branch main
#   bash tests/run.sh openrlhf        tests on OpenRLHF's real classes and engine, in .venv-openrlhf; eight minutes
#   bash tests/run.sh weekly          trains two steps with each recipe and with each of verl's trainers, a minute or two each, and
#                                     runs the property tests on new examples
#   bash tests/run.sh soak            disturbs the service for ten minutes: a lost node, killed workers, five hundred steps, fuzzing
#   bash tests/run.sh fast -k dpp     arguments after the tier go to pytest
# The tests do not use GPUs. On a machine with GPUs they use a separate environment, .venv-cpu.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
trap 'echo "tests/run.sh ${TIER:-}: $((SECONDS / 60)) min $((SECONDS % 60)) s, including setup"' EXIT
TIER=whole
case ${1:-} in fast | weekly | soak | openrlhf) TIER=$1 && shift ;; esac
case ${1:-} in
  "" | -* | tests/*) ;;
  *) echo "tests/run.sh: there is no tier $1. Tiers: fast, openrlhf, soak, weekly; without a tier, everything that guards main runs" >&2 && exit 2 ;;
esac
export PROFILE=cpu
[ "$TIER" != openrlhf ] || TRAINER=openrlhf
source recipes/_setup.sh
export VENV
python -m pip install -q --no-deps -r requirements/dev.txt
# pytest's exit status 5: this part has none of the tests that the user asked for
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
# one thread per process, because there are as many processes as cores; run the second part even if the first one fails
OMP_NUM_THREADS=1 part -n auto -m "not openrlhf and not soak and not e2e$([ "$TIER" = whole ] || echo " and not slow")" "$@" || failed=yes
[ "$TIER" = fast ] || part -m "e2e and not openrlhf and not soak" "$@" || failed=yes
[ "$ran$failed" = yesno ]
