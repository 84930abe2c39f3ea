#!/usr/bin/env bash
# Runs each unit test program with its output kept back; shows it on failure.
# Closes with one line: unit: N passed, N failed
set -u
passed=0 failed=0
output=$(mktemp); trap 'rm -f "$output"' EXIT
for test in "$@"; do
    if timeout 120 "$test" >"$output" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED $test"
        cat "$output"
    fi
done
echo "unit: $passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
