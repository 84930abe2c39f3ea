#!/usr/bin/env bash
# fuzz.sh [--keep] SECONDS [TARGET...] - libFuzzer over tests/fuzz (make fuzz)
#
# Builds with clang in build-fuzz, runs each target that long, as many at once
# as there are cores, and exits 1 on any finding; the octets that caused it are
# then in build-fuzz/found/TARGET-*, and build-fuzz/TARGET.log says what it was.
# --keep: adds to tests/fuzz/corpus what reached new code, minimised.
set -uo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

help_if_asked "$@"
readonly BUILD=build-fuzz INPUT_BYTES_MAX=4096 RSS_MB_MAX=2048 LIMIT_S=10
keep=false
if [[ ${1-} == --keep ]]; then
    keep=true
    shift
fi
[[ ${1-} =~ ^[1-9][0-9]*$ ]] || refuse_usage
readonly RUN_S=$1
shift
enter_tree
command -v clang >/dev/null || refuse "clang is missing: scripts/setup.sh --with-tests"

targets=("$@")
if [[ $# -eq 0 ]]; then
    mapfile -t targets < <(basename -a -s .c tests/fuzz/fuzz_*.c |
        sed 's/^fuzz_//')
fi
programs=("${targets[@]/#/$BUILD/tests/fuzz_}")
make --no-print-directory -s "-j$(nproc)" "BUILD=$BUILD" BIN=$BUILD/bin \
    CC=clang WARN=-w HARDEN=-fPIE OPTIMISE='-O1 -g' \
    SANITIZE='-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all' \
    "${programs[@]}" || exit "$EXIT_SYSTEM"
mkdir -p $BUILD/found
export ASAN_OPTIONS=allocator_may_return_null=1:detect_leaks=1
export UBSAN_OPTIONS=print_stacktrace=1

# run TARGET: what is new goes to build-fuzz/corpus, not into the tree.
run() {
    local dictionary=() code=0
    if [[ -e tests/fuzz/dict/$1.dict ]]; then
        dictionary=("-dict=tests/fuzz/dict/$1.dict")
    fi
    mkdir -p "$BUILD/corpus/$1"
    "$BUILD/tests/fuzz_$1" "-max_total_time=$RUN_S" "-timeout=$LIMIT_S" \
        "-rss_limit_mb=$RSS_MB_MAX" "-max_len=$INPUT_BYTES_MAX" \
        "-artifact_prefix=$BUILD/found/$1-" -print_final_stats=1 \
        "${dictionary[@]}" "$BUILD/corpus/$1" "tests/fuzz/corpus/$1" \
        >"$BUILD/$1.log" 2>&1 || code=$?
    if [[ $code -eq 0 ]]; then
        echo "fuzz $1: $(sed -n 's/^stat::number_of_executed_units: *//p' \
            "$BUILD/$1.log") inputs, nothing found"
    else
        echo "fuzz $1: FINDING, exit code $code, $BUILD/$1.log ends:"
        tail -n 60 "$BUILD/$1.log"
    fi
    return "$code"
}

# keep_new TARGET: the smallest files that reach the same code, not counting
# how often.
keep_new() {
    local fresh
    fresh=$(mktemp -d)
    "$BUILD/tests/fuzz_$1" -merge=1 -use_counters=0 "-max_len=$INPUT_BYTES_MAX" "$fresh" \
        "tests/fuzz/corpus/$1" "$BUILD/corpus/$1" >/dev/null 2>&1 &&
        rm -f "tests/fuzz/corpus/$1"/* &&
        cp "$fresh"/* "tests/fuzz/corpus/$1/"
    rm -rf "$fresh"
}

failed=0
for target in "${targets[@]}"; do
    while [[ $(jobs -rp | wc -l) -ge $(nproc) ]]; do
        wait -n || failed=1
    done
    run "$target" &
done
while [[ -n $(jobs -p) ]]; do
    wait -n || failed=1
done
if $keep && [[ $failed -eq 0 ]]; then
    for target in "${targets[@]}"; do
        keep_new "$target"
    done
    # What stands at a limit reaches no new code, and is kept all the same.
    tests/fuzz/seeds.py
fi
exit $failed
