#!/usr/bin/env bash
# run.sh - the simulation, as CI runs it; silent but for a line per run
#
#   tests/sim/run.sh [--no-bugs]
#
# STEPS (1000000) in all over the fixed SEEDS and one of the moment, which is
# printed; the same seed twice must be the same run; then every planted bug
# must be found (bugs.sh).
# BUILD: where to build (build).
set -uo pipefail
case $#:${1-} in
    0: | 1:--no-bugs) ;;
    *) echo "usage: run.sh [--no-bugs]" >&2 && exit 100 ;;
esac
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 100
export BUILD=${BUILD:-build}
readonly SEEDS=${SEEDS:-"1 2 3 $(date +%s)"}
readonly STEPS=${STEPS:-1000000}
readonly SIM=$BUILD/tests/simulate
failed=0

make --no-print-directory -s BUILD="$BUILD" "$SIM" >/dev/null || exit 111

read -r -a seeds <<<"$SEEDS"
for seed in "${seeds[@]}"; do
    "$SIM" --seed "$seed" --steps $((STEPS / ${#seeds[@]})) || failed=1
done

trace_of() {
    "$SIM" --seed 7 --steps $((STEPS / 20)) | sed 's/.*trace=//'
}
if [[ $(trace_of) != "$(trace_of)" ]]; then
    echo "run.sh: one seed gave two runs"
    failed=1
fi

[[ ${1:-} == --no-bugs ]] || tests/sim/bugs.sh || failed=1
exit $failed
