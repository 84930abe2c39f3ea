#!/usr/bin/env bash
# start-all.sh [--foreground] - one command from a fresh clone to a running
# pipeline
#
# Installs what is missing, builds what is not built, starts the four processes
# under a supervisor, waits until all told that they are ready, prints the URL,
# and returns.  With --foreground it stays (for containers): logs also go to
# stderr, and SIGTERM stops in order.
#
# Settings are SAGAPIPE_ variables (bin/gateway --help lists them); SAGAPIPE_HOME
# and SAGAPIPE_HTTP are all that two pipelines side by side need.
# Exit: 0 running, 100 wrong use or settings, 111 the system failed us,
# 120 damaged data.
set -uo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

readonly READY_LIMIT_S=60 STOP_LIMIT_S=60 LOG_LINES_SHOWN=10

help_if_asked "$@"
foreground=()
case $#:${1-} in
    0:) ;;
    1:--foreground) foreground=(--foreground) ;;
    *) refuse_usage ;;
esac
scripts=$(dirname "$0")
enter_tree

build() {
    if [[ -n ${SAGA_BIN-} ]]; then
        return
    fi
    scripts/setup.sh || exit
    if make -q all 2>/dev/null; then
        return
    fi
    say "building (a minute or so the first time)"
    make -j"$(nproc)" all | awk '
        / -c -o / { print "    " $NF; fflush(); next }
        / -o bin/ { sub(/.* -o /, ""); print "    " $1; fflush() }' ||
        refuse "the build failed"
}

# As whoever reads it can type it, in another shell too.
stop_command() {
    local where=''
    if [[ $home != "$PWD/var" ]]; then
        printf -v where 'SAGAPIPE_HOME=%q ' "$home"
    fi
    echo "$where$scripts/stop-all.sh"
}

# Everything that would make a process refuse is looked at before anything is
# changed.
check_home() {
    local pid
    if pid=$(supervisor_pid "$home"); then
        refuse "already running for $home (supervisor pid $pid);" \
            "$(stop_command) stops it"
    fi
    if [[ -e $home ]]; then
        [[ -d $home && -w $home && -x $home ]] ||
            refuse "home: $home is not a directory that we can write"
    fi
}

check_stores() {
    local name holder
    for name in "${PROCESSES[@]}"; do
        if lock_held "$home/data/$name/lock"; then
            holder=$(tr -cd 0-9 <"$home/data/$name/lock")
            refuse "$home/data/$name is held by another process" \
                "(pid ${holder:-unknown})"
        fi
    done
}

# A port that somebody answers on is busy.  The gateway finds out by itself,
# but only when the stores of the others are made.
check_port() {
    local host=${http%:*} port=${http##*:}
    host=${host#[}
    host=${host%]}
    if [[ $port -ne 0 ]] && timeout 2 bash -c \
        "exec 3<>'/dev/tcp/$host/$port'" 2>/dev/null; then
        refuse "http: $http is in use by another program: choose another" \
            "with SAGAPIPE_HTTP"
    fi
}

# As the processes do it: what a home's mode grants its group stays granted.
make_home() {
    umask 077
    mkdir -p "$home" 2>/dev/null || refuse "home: $home cannot be made"
    if [[ $(($(stat -c 0%a "$home") & 070)) -ne 0 ]]; then
        umask 007
    fi
    mkdir -p "$home/run" "$home/log" 2>/dev/null ||
        refuse "home: $home cannot be written"
}

# What the logs held before; explain shows only what this start added.
declare -A log_bytes=()
measure_logs() {
    local name
    for name in supervisor "${PROCESSES[@]}"; do
        log_bytes[$name]=$(stat -c %s "$home/log/$name.log" 2>/dev/null || echo 0)
    done
}

explain() {
    local log=$home/log/$1.log skip=${log_bytes[$1]}
    if [[ $(stat -c %s "$log") -lt $skip ]]; then
        skip=0 # it was rotated
    fi
    say "the end of $log:" >&2
    tail -c +$((skip + 1)) "$log" | tail -n "$LOG_LINES_SHOWN" |
        sed 's/^/    /' >&2
}

stop_supervisor() {
    local pid
    if pid=$(supervisor_pid "$home"); then
        say "$1; stopping" >&2
        kill -TERM "$pid"
        flock --timeout "$STOP_LIMIT_S" "$home/run/supervisor.lock" true
    else
        say "the supervisor ended" >&2
    fi
}

# Waits for the supervisor's word, and sets url; end of file is its death.
wait_ready() {
    local word name code
    trap 'stop_supervisor interrupted; exit 111' INT TERM
    if ! read -r -t "$READY_LIMIT_S" -u 7 word name code; then
        stop_supervisor "not ready after $READY_LIMIT_S s"
        explain supervisor
        exit 111
    fi
    if [[ $word == failed ]]; then
        say "$name did not start (exit code $code)" >&2
        explain "$name"
        read -r -t "$STOP_LIMIT_S" -u 7 word # until the others have stopped
        exit "$code"
    fi
    url=$name
}

build
settings_load
home=$(realpath -ms "$(setting home)") # it is shown to who stands elsewhere
http=$(setting http)
drain_ms=$(milliseconds "$(setting drain)")
stop_s=$((drain_ms / 1000 + STOP_GRACE_S))
check_home
stop_orphans "$home" "$stop_s"
check_stores
check_port
make_home
measure_logs
supervisor=(scripts/supervise.sh "${foreground[@]}" "$BIN" "$home" "$drain_ms")
if [[ ${#foreground[@]} -gt 0 ]]; then
    exec "${supervisor[@]}"
fi
# The supervisor writes to our descriptor 7: one line, then it closes it.
# Under nohup SIGHUP is ignored, and bash can't trap what was ignored.
exec 7< <(READY_FD=1 exec env --default-signal=HUP \
    setsid "${supervisor[@]}")
wait_ready
cat <<EOF
sagapipe is ready: $url
    in a browser: $url    the API: $url/docs
    curl -s --json '{"userId":1,"productId":1}' $url/orders
    curl -s $url/orders
logs: $home/log    stop: $(stop_command)
EOF
