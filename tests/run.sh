#!/usr/bin/env bash
# All checks: lint, format, types, then every test (unit, property, contract, and real training runs).
#   bash tests/run.sh                   everything, about an hour on two cores; makes the environment if there is none
#   bash tests/run.sh -m "not e2e"      what is typed here goes to pytest
# GPUs are not used: beside them the tests make an environment of their own, .venv-cpu.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PROFILE=cpu
source recipes/_setup.sh
export VENV
python -m pip install -q --no-deps -r requirements/dev.txt
ruff check .
ruff format --check .
mypy
python -m pytest "$@"
