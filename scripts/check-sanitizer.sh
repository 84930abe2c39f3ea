#!/usr/bin/env bash
# check-sanitizer.sh tsan|valgrind - the tests that it can judge, under it
#
# tsan: builds in build-tsan; every unit test that has threads or speaks with
# them, then a pipeline under hostile load.  valgrind: the unit tests of store,
# broker, participants and gateway, then a short pipeline, each process under
# memcheck with leaks.  A finding shows, and the exit code is then 1.  What is
# not ours is named in tests/sanitizers, with the reason.
set -uo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

readonly LIMIT_S=300
# Threads of ours, of the test's, or of a library that we wait for.
readonly TSAN_TESTS=(log mailbox gateway_http gateway_http_batch
    gateway_http_commands gateway_http_life gateway_http_parked http_scarce
    gateway_recovery gateway_store store store_backup
    store_upkeep participant bus_zmq broker_turn control)
readonly TSAN_PIPELINE=(tests/integration/test_http_strict.py
    tests/integration/test_hostile_bytes.py
    tests/integration/test_behaviours.py)
# Not: tests of time-outs that a program twenty times slower runs into, and of
# processes that are killed.
readonly VALGRIND_TESTS=(store store_backup store_cursor store_upkeep
    row_cache damaged_rows codec_decode codec_fields control participant
    topic_log broker_tables broker_tap broker_turn payment ledger accounts
    accounts_cancel mailbox gateway_store gateway_orders gateway_accounts
    gateway_query gateway_seed gateway_http gateway_http_commands http_body
    http_rows)
readonly VALGRIND_PIPELINE=(tests/integration/test_scenario.py)

help_if_asked "$@"
[[ $#:${1-} == 1:tsan || $#:${1-} == 1:valgrind ]] || refuse_usage
enter_tree
findings=$(mktemp -d)
trap 'rm -rf "$findings"' EXIT
failed=0

build() {
    make --no-print-directory -s "-j$(nproc)" "$@" || exit "$EXIT_SYSTEM"
}

# run_units BUILD WRAPPER... -- NAME...: as many at once as there are cores.
run_units() {
    local build=$1 wrapper=() name
    shift
    while [[ $1 != -- ]]; do
        wrapper+=("$1")
        shift
    done
    shift
    for name in "$@"; do
        while [[ $(jobs -rp | wc -l) -ge $(nproc) ]]; do
            wait -n
        done
        run_unit "$build/tests/test_$name" "${wrapper[@]}" &
    done
    wait
}

# run_unit PROGRAM WRAPPER...: says nothing if it passes.
run_unit() {
    local program=$1 code=0
    local output=$findings/${1##*/}.unit
    shift
    timeout "$LIMIT_S" "$@" "$program" >"$output" 2>&1 || code=$?
    if [[ $code -eq 0 ]]; then
        rm -f "$output"
    else
        echo "exit code $code" >>"$output"
    fi
}

run_pipeline() {
    SAGA_BIN=$1 /usr/bin/python3 -m pytest -q -p no:cacheprovider \
        -m 'not long' "${@:2}" >"$findings/pipeline" 2>&1 &&
        rm -f "$findings/pipeline"
}

check_tsan() {
    local tests=("${TSAN_TESTS[@]/#/build-tsan/tests/test_}")
    # A second SIGTERM ends a process where it stands, with its threads.
    export TSAN_OPTIONS="report_thread_leaks=0:allocator_may_return_null=1"
    TSAN_OPTIONS+=":suppressions=$PWD/tests/sanitizers/tsan.supp"
    build BUILD=build-tsan BIN=build-tsan/bin OPTIMISE='-O1 -g' \
        WARN=-w HARDEN=-fPIE SANITIZE=-fsanitize=thread all "${tests[@]}"
    run_units build-tsan env -- "${TSAN_TESTS[@]}"
    run_pipeline "$PWD/build-tsan/bin" "${TSAN_PIPELINE[@]}"
}

# Programs that run the real ones under valgrind, with the same pid.
make_wrappers() {
    local name
    mkdir -p "$findings/bin"
    for name in bin/*; do
        {
            echo '#!/usr/bin/env bash'
            echo "exec ${memcheck[*]@Q} --log-file=$findings/%p.process \\"
            echo "    '$PWD/$name' \"\$@\""
        } >"$findings/bin/${name##*/}"
        chmod +x "$findings/bin/${name##*/}"
    done
}

check_valgrind() {
    local tests=("${VALGRIND_TESTS[@]/#/build/tests/test_}")
    local memcheck=(valgrind -q --leak-check=full --error-exitcode=99
        "--show-leak-kinds=definite,indirect"
        "--errors-for-leak-kinds=definite,indirect"
        --child-silent-after-fork=yes
        "--suppressions=$PWD/tests/sanitizers/valgrind.supp")
    command -v valgrind >/dev/null ||
        refuse "valgrind is missing: scripts/setup.sh --with-tests"
    build all "${tests[@]}"
    run_units build "${memcheck[@]}" -- "${VALGRIND_TESTS[@]}"
    make_wrappers
    run_pipeline "$findings/bin" "${VALGRIND_PIPELINE[@]}"
    find "$findings" -name '*.process' -empty -delete
    rm -r "${findings:?}/bin"
}

case $1 in
    tsan) check_tsan ;;
    valgrind) check_valgrind ;;
esac
for file in "$findings"/*; do
    if [[ -e $file ]]; then
        failed=1
        echo "FINDING in ${file##*/}"
        cat "$file"
    fi
done
exit $failed
