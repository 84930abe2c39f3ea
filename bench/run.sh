#!/usr/bin/env bash
# run.sh [OPTION...] - make bench: bench.py over the programs that make built
#
# BIN and BUILD, from the Makefile, say where they are; GROWTH, if set, how many
# orders part 6 goes up to (make bench GROWTH=5000000).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

SAGA_BIN=$(realpath "${BIN:-bin}")
BENCH_BUILD=$(realpath "${BUILD:-build}")
export SAGA_BIN BENCH_BUILD
exec /usr/bin/python3 -B bench/bench.py ${GROWTH:+--growth "$GROWTH"} "$@"
