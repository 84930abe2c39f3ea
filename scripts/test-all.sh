#!/usr/bin/env bash
# test-all.sh [--long] - sets up, builds, and runs every test there is
#
# One line per stage.  A stage that fails shows what it said.  The closing line
# is the sum of all stages: N passed, N failed; the exit code is 0 only if
# nothing failed.  --long also runs what takes minutes: tests marked long, each
# process killed at each point, the processes under sanitizers, the model, the
# simulation, the fuzzers.
#
# A unit test program, an integration test and a check (a build, tidy, the
# scripts' shellcheck, the units' verification) count as one each.
set -uo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

help_if_asked "$@"
long=false
case $#:${1-} in
    0:) ;;
    1:--long) long=true ;;
    *) refuse_usage ;;
esac
enter_tree
# The tests are of the tree, whatever the caller's own pipeline is set to.
unset "${!SAGAPIPE_@}" SAGA_BIN

# Most of a test is waiting, and each has its own processes and ports: files run
# side by side.
WORKERS=$(($(nproc) + 1))
readonly WORKERS

passed=0 failed=0
output=$(mktemp)
trap 'rm -f "$output"' EXIT

# stage NAME COUNTER COMMAND...: COUNTER sets good and bad from the output.
stage() {
    local name=$1 counter=$2 start=$SECONDS code=0 good=0 bad=0
    shift 2
    "$@" >"$output" 2>&1 || code=$?
    "$counter" "$code"
    passed=$((passed + good))
    failed=$((failed + bad))
    printf '%-12s %4d passed, %d failed  (%d s)\n' "$name" "$good" "$bad" \
        $((SECONDS - start))
    if [[ $bad -gt 0 ]]; then
        sed 's/^/    /' "$output"
    fi
    [[ $bad -eq 0 ]]
}

count_check() {
    if [[ $1 -eq 0 ]]; then
        good=1
    else
        bad=1
    fi
}

# number_before WORD: of the last line that holds a number before the word.
number_before() {
    sed -nE "s/(.*[^0-9])?([0-9]+) $1.*/\2/p" "$output" | tail -n 1
}

# The runner's closing line; a build that fails never gets there.
count_unit() {
    good=0 bad=1
    if grep -q '^unit: ' "$output"; then
        good=$(number_before passed)
        bad=$(number_before failed)
    fi
    if [[ $1 -ne 0 && $bad -eq 0 ]]; then
        bad=1
    fi
}

# pytest's summary: "1 failed, 90 passed, 2 errors in 61.0s".
count_pytest() {
    good=$((10#0$(number_before passed)))
    bad=$((10#0$(number_before failed) + 10#0$(number_before error)))
    if [[ $1 -ne 0 && $bad -eq 0 ]]; then
        bad=1
    fi
}

# node --test's summary: "# pass 19", "# fail 1".
count_node() {
    good=$(sed -n 's/^# pass //p' "$output" | tail -n 1)
    bad=$(sed -n 's/^# fail //p' "$output" | tail -n 1)
    good=$((10#0$good)) bad=$((10#0$bad))
    if [[ $1 -ne 0 && $bad -eq 0 ]]; then
        bad=1
    fi
}

# The pages in a real browser; under load only in the long run.
browser_run() {
    local files=(tests/browser/{modules,dashboard,keyboard,figures,docs}.test.mjs)
    if $long; then
        files+=(tests/browser/load.test.mjs)
    fi
    SAGA_BIN=$PWD/bin node --test --test-reporter=tap \
        --test-concurrency="$WORKERS" "${files[@]}"
}

verify_units() {
    local root said
    root=$(mktemp -d)
    DESTDIR=$root PREFIX=/usr/local BIN=bin scripts/install.sh >/dev/null
    sed -i "s|^ExecStart=|&$root|" "$root"/usr/local/lib/systemd/system/*
    # It exits 0 for some mistakes: anything said counts.
    said=$(scripts/analyze-units.sh verify --man=no --recursive-errors=yes \
        "$root"/usr/local/lib/systemd/system/* 2>&1) && [[ -z $said ]]
    local code=$?
    echo "$said"
    rm -rf "$root"
    return "$code"
}

check_scripts() {
    shellcheck -x scripts/*.sh bench/*.sh tests/sim/*.sh tests/model/*.sh .ci/run &&
        tests/sim/bugs.sh --dry
}

export LSAN_OPTIONS=print_suppressions=0:suppressions=$PWD/tests/sanitizers/lsan.supp

# pytest_run BIN DIRECTORY...: over the programs in BIN.
pytest_run() {
    local limits=()
    if ! $long; then
        limits=(-m 'not long')
    fi
    SAGA_BIN=$PWD/$1 /usr/bin/python3 -m pytest -q -p no:cacheprovider \
        -n "$WORKERS" --dist loadfile "${limits[@]}" "${@:2}"
}

with=(--with-tests)
if $long; then
    with+=(--with-bench)
fi
stage setup count_check scripts/setup.sh "${with[@]}" || exit 1
jobs=-j$(nproc)
if stage build count_check make -s "$jobs" all preload examples; then
    stage unit count_unit make -s "$jobs" check
    stage asan count_unit make -s "$jobs" check-asan
    stage tidy count_check make -s tidy
    stage shellcheck count_check check_scripts
    stage units count_check verify_units
    stage integration count_pytest pytest_run bin \
        tests/integration tests/regress
    stage browser count_node browser_run
    if $long; then
        stage fault-build count_check make -s "$jobs" fault
    fi
    stage fault count_pytest pytest_run bin tests/fault
fi
if $long; then
    # The processes again, as programs that watch their memory; not what tests
    # the scripts.
    stage asan-run count_pytest pytest_run build-asan/bin tests/integration \
        --ignore=tests/integration/test_scripts.py \
        --ignore=tests/integration/test_units.py
    stage bench-build count_check make -s "$jobs" bench-tools
    stage bench count_pytest pytest_run bin tests/bench
    stage refusals count_check scripts/refusal-coverage.py
    stage model count_check tests/model/run.sh
    stage simulation count_check tests/sim/run.sh
    stage fuzz count_check make -s "$jobs" fuzz SECONDS=60
    stage tsan count_check make -s "$jobs" check-tsan
    stage valgrind count_check make -s "$jobs" check-valgrind
fi
printf '%d passed, %d failed\n' "$passed" "$failed"
[[ $failed -eq 0 ]]
