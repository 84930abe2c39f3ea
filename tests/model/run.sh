#!/usr/bin/env bash
# run.sh - verifies tests/model/publish.pml with spin, and that spin would
# have found the mistakes that are planted in it
#
# usage: run.sh [--long]      (--long: larger bounds too, five minutes more)
#
# One line per run; exit 1 if anything is not as expected.  Works in a
# directory of its own and leaves nothing.  The bounds are the rows below; the
# words are in the model's head comment:
#
#   holds   no law is broken, and the search was complete
#   bug     a planted mistake: some law must be found broken
#   hole    what this design does not cover: found broken as long as it
#           doesn't; closing it in the code turns the row into one that holds
#   mend    the same assumption taken away, and the change that closes it
set -uo pipefail
case $#:${1-} in
    0: | 1:--long) ;;
    *) echo "usage: run.sh [--long]" >&2 && exit 100 ;;
esac
export LC_ALL=C.UTF-8
model=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/publish.pml
readonly MEMORY_MB=1900 DEPTH_MAX=100000 RUN_SECONDS_MAX=600

for tool in spin gcc; do
    command -v "$tool" >/dev/null || {
        echo "run.sh: $tool is missing (scripts/setup.sh installs it)" >&2
        exit 100
    }
done
work=$(mktemp -d) || exit 111
trap 'rm -rf "$work"' EXIT
cp "$model" "$work/publish.pml" && cd "$work" || exit 111
surprises=0

# bounds COMMANDS CRASHES BREAKS EARLY: the flags, in $bounds.
bounds() {
    bounds="-DCOMMANDS=$1 -DCRASHES=$2 -DBREAKS=$3 -DEARLY=$4"
}

# verify FLAG...: "holds", "broken" or what went wrong, in $verdict.
verify() {
    local safety=-DSAFETY option=''
    if [[ " $* " == *' -DLIVENESS '* ]]; then
        safety='' option=-a
    fi
    rm -f pan pan.* ./*.trail
    verdict='spin or gcc failed'
    spin -a "$@" publish.pml >spin.out 2>&1 || return
    grep -qi error spin.out && return
    # A planted mistake is found sooner than gcc optimises.
    # shellcheck disable=SC2086
    gcc -O0 -w $safety -DCOLLAPSE -DMEMLIM=$MEMORY_MB -o pan pan.c \
        >>spin.out 2>&1 || return
    # shellcheck disable=SC2086
    timeout "$RUN_SECONDS_MAX" ./pan -m$DEPTH_MAX $option >pan.out 2>&1
    if grep -qE '^pan:[0-9]+: (assertion violated|acceptance cycle)' pan.out
    then
        verdict=broken
    elif grep -q 'errors: 0' pan.out &&
        ! grep -qE 'not completed|too small|out of memory' pan.out; then
        verdict=holds
    else
        verdict='the search was not completed'
    fi
}

# The run's output, and its trail in words.
explain() {
    tail -n 5 spin.out
    [[ -e pan.out ]] && grep -E '^pan|errors:' pan.out
    [[ -e publish.pml.trail ]] && spin -t -T "$@" publish.pml |
        grep -E '^(participant|broker|consumer|the store|spin)'
}

# row KIND NAME FLAG...
row() {
    local kind=$1 name=$2 expected=broken started=$SECONDS states
    shift 2
    [[ $kind == holds || $kind == mend ]] && expected=holds
    rm -f pan.out
    verify "$@"
    states=$(sed -nE 's/^ *([0-9.e+]+) states, stored.*/\1/p' pan.out \
        2>/dev/null)
    printf '%-6s%-30s %-7s %9s states %3d s\n' "$kind" "$name" "$verdict" \
        "${states:-?}" "$((SECONDS - started))"
    if [[ $verdict != "$expected" ]]; then
        surprises=$((surprises + 1))
        echo "run.sh: $name: expected $expected, is: $verdict; $*"
        explain "$@"
    fi
}

# shellcheck disable=SC2086
{
    bounds 3 1 1 0; row holds laws $bounds
    bounds 2 1 1 1; row holds laws_early $bounds
    bounds 3 2 0 0; row holds laws_crashes $bounds
    bounds 2 1 0 0; row holds fence -DINSTANCES=2 $bounds
    bounds 2 1 1 0; row holds ends -DLIVENESS $bounds
    bounds 2 2 0 0; row holds ends_crashes -DLIVENESS $bounds

    bounds 2 2 1 0
    for bug in ANSWER_BEFORE_FLUSH PUBLISH_BEFORE_FLUSH TRIM_BEFORE_ACK \
        BROKER_ANSWERS_BEFORE_FLUSH BROKER_SERVES_BEFORE_FLUSH \
        SEQS_AFTER_BATCH NO_DUPLICATE_CHECK NO_GAP_CHECK \
        POSITION_AFTER_EFFECT POSITION_BEFORE_EFFECT; do
        row bug "${bug,,}" -DPLANTED "-DBUG_$bug" $bounds
    done
    bounds 2 0 0 0
    row bug no_epoch_check -DPLANTED -DBUG_NO_EPOCH_CHECK -DINSTANCES=2 $bounds
    bounds 2 1 0 0; row bug no_resend -DBUG_NO_RESEND -DLIVENESS $bounds

    bounds 2 2 1 0
    row bug recovery_without_sync -DPLANTED -DHOLE_RECOVERY $bounds
    row hole plain_open -DHOLE_PLAIN_OPEN $bounds
    row bug starts_ignored -DBUG_STARTS_IGNORED $bounds
    row bug opens_again_anew -DBUG_OPENS_AGAIN_ANEW $bounds
    bounds 2 0 0 0; copy='-DHOLE_COPY_COMMITS -DINSTANCES=2'
    row bug verify_against_now $copy $bounds
    row holds copy_commits $copy -DMEND_NEXT_AT_OPEN $bounds
    bounds 2 1 0 0
    row hole copy_commits_restarts $copy -DMEND_NEXT_AT_OPEN $bounds
    row mend copy_commits_content $copy -DMEND_CONTENT $bounds
    bounds 1 1 1 0
    row mend twins $copy -DMEND_CONTENT $bounds
    row bug twin_let_in $copy -DMEND_CONTENT -DBUG_TWIN_LET_IN $bounds

    if [[ ${1-} == --long ]]; then
        bounds 3 1 1 1; row holds laws_long $bounds
        bounds 2 3 1 0; row holds laws_crashes_long $bounds
        bounds 3 1 0 0; row holds fence_long -DINSTANCES=2 $bounds
        bounds 2 1 1 1; row holds ends_long -DLIVENESS $bounds
        bounds 3 1 0 0
        row mend copy_commits_content_long $copy -DMEND_CONTENT $bounds
    fi
}
echo "model: $surprises surprises, $SECONDS s"
[[ $surprises -eq 0 ]]
