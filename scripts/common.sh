# shellcheck shell=bash
# common.sh - what the scripts share; sourced, never run
#
# The tree is the working directory, whatever the caller's was: paths that the
# caller gave relative to his own are made absolute first.

# shellcheck disable=SC2034 # not every script uses both
readonly EXIT_USAGE=100 EXIT_SYSTEM=111
# In the order of starting; stopping goes the other way round.
readonly PROCESSES=(broker payment ledger gateway)
# What a stop may take beyond the gateway's drain time, per process.
readonly STOP_GRACE_S=5
# How often, and for how long each time, a supervisor's pid is waited for.
readonly PID_TRIES_MAX=100 PID_WAIT_S=0.1

ME=$(basename "$0" .sh)

say() {
    printf '%s: %s\n' "$ME" "$*"
}

refuse() {
    say "$*" >&2
    exit "$EXIT_USAGE"
}

# A script's head is its manual page: --help and -h print it, and what stands
# before " - " is its usage.  Both are called before the tree is entered.
help_if_asked() {
    local word
    for word in "$@"; do
        if [[ $word == --help || $word == -h ]]; then
            sed -n '2,/^[^#]/s/^#\( \|$\)//p' "$0"
            exit 0
        fi
    done
}

refuse_usage() {
    refuse "usage: $(sed -n '2{s/^# //; s/ - .*//; p}' "$0")"
}

# Goes to the tree.  SAGA_BIN names other programs than the tree's own (tests
# and packages do that); then nothing is built or installed.
enter_tree() {
    local name
    for name in SAGAPIPE_HOME SAGAPIPE_CONFIG SAGAPIPE_SEED \
        SAGAPIPE_TOKENS SAGA_BIN; do
        if [[ -n ${!name-} && ${!name} != /* ]]; then
            export "$name=$PWD/${!name}"
        fi
    done
    cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit "$EXIT_USAGE"
    BIN=${SAGA_BIN:-bin}
}

# Asks the gateway for its settings, so that flags, environment, file and
# defaults mean the same here and there.  A wrong one was told by the gateway.
settings_load() {
    SETTINGS=$("$BIN/gateway" --print-config) || exit
}

# setting NAME: its value.
setting() {
    sed -n "s/^$1 *= *//p" <<<"$SETTINGS" | sed 's/[[:space:]]*#.*//'
}

# milliseconds VALUE: of 250, 250ms, 5s, 2m or 1h.
milliseconds() {
    case $1 in
        *ms) echo "${1%ms}" ;;
        *s) echo $((${1%s} * 1000)) ;;
        *m) echo $((${1%m} * 60000)) ;;
        *h) echo $((${1%h} * 3600000)) ;;
        *) echo "$1" ;;
    esac
}

# lock_held FILE: true if a process holds the lock on it.
lock_held() {
    [[ -e $1 ]] && ! flock --shared --nonblock "$1" true 2>/dev/null
}

# supervisor_pid HOME: prints the pid; false if none runs.  It is written a
# moment after the lock was taken, and what the file had before may name anybody
# by now: it is the pid of who has the lock's file as descriptor 8.
supervisor_pid() {
    local lock=$1/run/supervisor.lock pid tries=$PID_TRIES_MAX
    while ((tries-- > 0)) && lock_held "$lock"; do
        pid=$(cat "$1/run/supervisor.pid" 2>/dev/null)
        if [[ -n $pid && /proc/$pid/fd/8 -ef $lock ]]; then
            echo "$pid"
            return
        fi
        flock --shared --timeout "$PID_WAIT_S" "$lock" true
    done
    return 1
}

# orphan_pid HOME NAME: the pid of a process of this home that runs without a
# supervisor.  It is ours if it runs our program, holds the store's lock, and
# both files say so: a pid alone could be anybody's by now.  Whoever has a
# supervisor has it from his beginning on, so that is looked for last.
orphan_pid() {
    local pid program
    lock_held "$1/data/$2/lock" || return 1
    pid=$(cat "$1/run/$2.pid" 2>/dev/null) || return 1
    [[ $pid =~ ^[0-9]+$ && $pid == "$(tr -cd 0-9 <"$1/data/$2/lock")" ]] ||
        return 1
    program=$(readlink "/proc/$pid/exe") || return 1
    program=${program% (deleted)}
    [[ ${program##*/} == "$2" ]] && ! lock_held "$1/run/supervisor.lock" &&
        echo "$pid"
}

# stop_orphans HOME LIMIT_S: stops what a killed supervisor left behind, in
# the order of stopping, and counts them in orphans.  The end of a process is
# the end of its lock.
stop_orphans() {
    local home=$1 limit_s=$2 index name pid
    orphans=0
    for ((index = ${#PROCESSES[@]} - 1; index >= 0; index--)); do
        name=${PROCESSES[index]}
        pid=$(orphan_pid "$home" "$name") || continue
        orphans=$((orphans + 1))
        say "stopping $name (pid $pid), left behind by a supervisor that died"
        kill -TERM "$pid" 2>/dev/null
        flock --timeout "$limit_s" "$home/data/$name/lock" true && continue
        say "$name (pid $pid) did not stop in $limit_s s: killed" >&2
        kill -KILL "$pid" 2>/dev/null
        flock --timeout "$STOP_GRACE_S" "$home/data/$name/lock" true ||
            refuse "$name (pid $pid) does not end"
    done
}
