#!/usr/bin/env bash
# run-unit-tests.sh PROGRAM... - runs each, several at once
#
# Says nothing about one that passes and everything about one that fails.
# Closes with one line: unit: N passed, N failed
set -u
if [[ ${1-} == -* ]]; then
    echo "usage: run-unit-tests.sh PROGRAM..." >&2
    exit 100
fi

readonly LIMIT_S=300
WORKERS=$(($(nproc) + 1)) # half of a test is waiting for its disk
readonly WORKERS
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT

run_one() {
    local output=$results/${1##*/} code=0
    timeout "$LIMIT_S" "$1" >"$output" 2>&1 || code=$?
    if [[ $code -eq 0 ]]; then
        rm -f "$output"
    else
        echo "exit code $code" >>"$output"
    fi
}

for program in "$@"; do
    while [[ $(jobs -rp | wc -l) -ge $WORKERS ]]; do
        wait -n
    done
    run_one "$program" &
done
wait
failed=0
for output in "$results"/*; do
    if [[ -e $output ]]; then
        failed=$((failed + 1))
        echo "FAILED ${output##*/}"
        cat "$output"
    fi
done
echo "unit: $(($# - failed)) passed, $failed failed"
[[ $failed -eq 0 && $# -gt 0 ]]
