# Sourced by the ablations that run a recipe several times: `run NAME SCRIPT [override ...]` runs SCRIPT into $OUT/NAME.
# The same OUT again resumes. With DRY_RUN=1 the commands are printed.
set -euo pipefail
RECIPES=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SWEEP=$(basename "$0" .sh)
OUT=${OUT:-outputs/$SWEEP/$(date +%Y%m%d-%H%M%S)}

run() {
  local name=$1 script=$2
  shift 2
  echo "== $SWEEP: $name"
  OUT="$OUT/$name" RECIPE="$SWEEP-$name" bash "$RECIPES/$script" "$@"
}
