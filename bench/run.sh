#!/usr/bin/env bash
# run.sh [SECONDS] - make bench: completed sagas per second, and the ceiling
#
# Builds bench/echo.c, the ceiling, and lets bench.py measure both in one run,
# SECONDS each (10 if left out).  The figures also go to bench/RESULTS.md.
# BIN, from the Makefile, says where the programs are.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly ECHO=${BUILD:-build}/bench/echo
mkdir -p "${ECHO%/*}"
gcc -std=c11 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -o "$ECHO" bench/echo.c \
    -lmicrohttpd
SAGA_BIN=$PWD/${BIN:-bin}
if [[ ${BIN:-bin} == /* ]]; then
    SAGA_BIN=$BIN
fi
export SAGA_BIN
exec /usr/bin/python3 bench/bench.py "$ECHO" "${1:-10}"
