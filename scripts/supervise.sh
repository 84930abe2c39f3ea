#!/usr/bin/env bash
# supervise.sh [--foreground] BIN HOME DRAIN_MS - keeps the four processes up
#
# start-all.sh starts it.  One loop reads one pipe; everything that happens is
# a line in it:
#
#   started NAME GENERATION PID     the process has its pid
#   ready NAME GENERATION           it told that it can serve (READY_FD)
#   joined NAME GENERATION          the broker has let it in (JOINED_FD)
#   died NAME GENERATION STATUS     it ended, with the shell's exit status
#   lost NAME GENERATION            who should have told of its end is gone
#   stop | again                    we were sent SIGTERM or SIGINT | SIGHUP
#
# so nothing here polls, and only the back-off is a timer.  What dies is
# started again after 0.1 s, doubling to 5 s, from the start again after a good
# run of 10 s.  Exit codes are an interface: 100 (wrong use) and 120 (damaged
# data) are not started again; the others go on.  Each end leaves an obituary
# in HOME/log/supervisor.log.  A process that dies while there is a file
# HOME/run/NAME.down stays down; SIGHUP starts what is down and has none.
#
# The pipeline is ready when all are and the broker has let the others in: that
# is where a lost store is found out.  We tell our own starter on READY_FD:
# "ready URL", or "failed NAME CODE".
set -u

readonly BACKOFF_MIN_MS=100 BACKOFF_MAX_MS=5000 GOOD_RUN_MS=10000
# Before the pipeline was ready once, a process gets this many attempts.
readonly START_ATTEMPTS_MAX=3
readonly STOP_GRACE_MS=5000
readonly LOG_BYTES_MAX=$((10 << 20)) ROTATE_MS=60000
# bash looks for signals between two commands: one that comes just before we
# begin to wait is told when the wait ends.
readonly WAIT_MS_MAX=1000 LOST_WAIT_MS=50
# One whose watcher is gone may have told no pid yet, and be about to begin.
readonly LOST_BEGIN_MS=5000
readonly STATUS_KILLED=137 # as the shell tells of SIGKILL
readonly EXIT_USAGE=100 EXIT_SYSTEM=111 EXIT_DAMAGED=120
readonly START_ORDER=(broker payment ledger gateway)
readonly STOP_ORDER=(gateway payment ledger broker)
# Our descriptors: 4 and 6 a program's JOINED_FD and READY_FD (it inherits no
# other); 5 stderr, when in the foreground; 7 our starter; 8 our lock; 9 the pipe
# of happenings.

foreground=false
if [[ ${1-} == --foreground ]]; then
    foreground=true
    shift
fi
if [[ $# -ne 3 || $1 == -* ]]; then
    echo "supervise: use start-all.sh" >&2
    exit "$EXIT_USAGE"
fi
readonly BIN=$1 HOME_DIR=$2 STOP_MS=$(($3 + STOP_GRACE_MS))
readonly RUN=$HOME_DIR/run LOG=$HOME_DIR/log

# Per process: down, waiting (for its turn), starting, ready, backoff, or lost:
# nobody watches it any more, so it is killed, and counts as died when it is gone
declare -A state=() pid=() watcher=() generation=() started_ms=() ready_once=() joined=()
declare -A backoff_ms=() due_ms=() attempts=() lost_ms=()
stopping=false pipeline_ready=false exit_code=0
stop_name='' stop_due_ms=0 stop_kills=0
rotated_ms=0

# Milliseconds since the machine started: a clock that is never set back.
# The answer is in now_ms, so that asking costs no process.
now() {
    local up
    read -r up _ </proc/uptime
    now_ms=$((10#${up/./} * 10))
}

# write_log LEVEL EVENT FIELDS
write_log() {
    local line micros=${EPOCHREALTIME#*[.,]}
    TZ=UTC printf -v line '%(%FT%T)T' "${EPOCHREALTIME%[.,]*}"
    line="time=$line.${micros:0:3}Z level=$1 process=supervisor event=${*:2}"
    rotate "$LOG/supervisor.log"
    echo "$line" >>"$LOG/supervisor.log"
    if $foreground; then
        echo "$line" >&2
    fi
}

# Our starter reads until the end of file: after a failure that is our end.  It
# may be gone: then a shell of its own dies of SIGPIPE, not the one that watches.
tell_starter() {
    (echo "$1" >&7) 2>/dev/null
    if [[ $1 == ready* ]]; then
        exec 7>&-
    fi
}

rotate() {
    local bytes
    bytes=$(stat -c %s "$1" 2>/dev/null) || return 0
    if ((bytes > LOG_BYTES_MAX)); then
        mv -f "$1" "$1.old"
    fi
}

# In the foreground each log is written by a tee, which appends and never opens
# it again: so it is copied and emptied.  Once a minute.
rotate_copied() {
    local name bytes
    for name in "${START_ORDER[@]}"; do
        bytes=$(stat -c %s "$LOG/$name.log" 2>/dev/null) || continue
        if ((bytes > LOG_BYTES_MAX)); then
            cp -f "$LOG/$name.log" "$LOG/$name.log.old"
            : >"$LOG/$name.log"
        fi
    done
}

# What a program tells of itself: both words come through one pipe.
tell_words() {
    local word
    while read -r word; do
        case $word in
            ready | joined) echo "$word $1 $2" >&9 ;;
        esac
        # The broker joins nobody, and keeps that descriptor.
        [[ $1/$word != broker/ready && $word != joined ]] || break
    done
}

# Runs one process and writes its life into the pipe.  In a subshell of its
# own, which does nothing but wait; a terminal's Ctrl-C is for the supervisor.
watch_process() {
    local name=$1 number=$2 log=$LOG/$1.log
    trap : TERM INT HUP
    exec 7>&- 8>&-
    (
        if $foreground; then
            exec > >(exec tee -i -a "$log" >&5 9>&-) 2>&1
        else
            exec >>"$log" 2>&1
        fi
        exec 6> >(tell_words "$name" "$number") 4>&6
        echo "started $name $number $BASHPID" >&9
        READY_FD=6 JOINED_FD=4 exec setsid "$BIN/$name" </dev/null 5>&- 9>&-
    )
    echo "died $name $number $?" >&9
}

start() {
    local name=$1
    rotate "$LOG/$name.log"
    generation[$name]=$((${generation[$name]} + 1))
    state[$name]=starting
    pid[$name]=''
    now
    started_ms[$name]=$now_ms
    watch_process "$name" "${generation[$name]}" 2>/dev/null &
    watcher[$name]=$!
}

# The broker first; payment and ledger when it is ready; then the gateway.
start_next() {
    local name
    for name in "${START_ORDER[@]}"; do
        [[ ${state[$name]} == waiting ]] || continue
        case $name in
            payment | ledger) [[ -n ${ready_once[broker]-} ]] ;;
            gateway) [[ -n ${ready_once[payment]-} ]] &&
                [[ -n ${ready_once[ledger]-} ]] ;;
        esac && start "$name"
    done
}

on_started() {
    pid[$1]=$3
    if $stopping; then
        stop_step
    fi
}

on_ready() {
    local name=$1
    [[ ${state[$name]} == starting ]] || return
    state[$name]=ready
    ready_once[$name]=yes
    now
    write_log info ready \
        "name=$name pid=${pid[$name]} after_ms=$((now_ms - started_ms[$name]))"
    if $pipeline_ready || $stopping; then
        return
    fi
    start_next
    if [[ $name == broker ]]; then
        on_joined "$name"
    fi
}

on_joined() {
    local url=''
    # Another shell tells of its end, and may have been the faster one.
    [[ ${state[$1]} == ready ]] || return
    joined[$1]=yes
    if $pipeline_ready || $stopping ||
        [[ ${#joined[@]} -ne ${#START_ORDER[@]} ]]; then
        return
    fi
    # Without it the gateway has just ended: its death comes next.
    url=$(cat "$RUN/gateway.url" 2>/dev/null)
    if [[ -n $url ]]; then
        pipeline_ready=true
        write_log info pipeline_ready "url=$url"
        tell_starter "ready $url"
    fi
}

# Its watcher was killed, or could not go on.  What that wrote before is read
# by now, so it did not tell of the process's end.
on_lost() {
    case ${state[$1]} in
        starting | ready)
            write_log error lost "name=$1 pid=${pid[$1]:-none}" \
                'words="its watcher is gone: it is started anew"'
            state[$1]=lost
            now
            lost_ms[$1]=$now_ms
            ;;
    esac
}

# True if there is such a process, and it has not ended.
lives() {
    local stat=''
    read -r stat 2>/dev/null <"/proc/$1/stat"
    [[ -n $stat && ${stat##*) } != Z* ]]
}

# Ends one that is lost; true when it is gone.
end_lost() {
    if [[ -z ${pid[$1]} ]]; then
        ((now_ms - lost_ms[$1] >= LOST_BEGIN_MS))
        return
    fi
    lives "${pid[$1]}" || return 0
    kill -KILL "${pid[$1]}" 2>/dev/null
    return 1
}

on_died() {
    local name=$1 status=$3 cause obituary lived_ms
    now
    lived_ms=$((now_ms - started_ms[$name]))
    cause="exit=$status"
    if ((status > 128)); then
        cause="signal=$(kill -l $((status - 128)))"
    fi
    obituary="name=$name pid=${pid[$name]:-none} $cause lived_ms=$lived_ms"
    state[$name]=down
    pid[$name]=''
    unset "joined[$name]"
    if $stopping; then
        write_log info died "$obituary next=none why=stopping"
        stop_step
        return
    fi
    if [[ $status -eq $EXIT_USAGE || $status -eq $EXIT_DAMAGED ]]; then
        write_log error died "$obituary next=none why=exit_code"
    elif [[ -e $RUN/$name.down ]]; then
        write_log warning died "$obituary next=none why=down_file"
        return
    elif ! $pipeline_ready && ((++attempts[$name] >= START_ATTEMPTS_MAX)); then
        write_log error died "$obituary next=none why=attempts"
    else
        back_off "$name" "$lived_ms"
        write_log warning died \
            "$obituary next=restart after_ms=$((due_ms[$name] - now_ms))"
        return
    fi
    give_up "$name" "$status"
}

back_off() {
    local name=$1 lived_ms=$2
    if ((lived_ms >= GOOD_RUN_MS)); then
        backoff_ms[$name]=$BACKOFF_MIN_MS
    fi
    state[$name]=backoff
    due_ms[$name]=$((now_ms + backoff_ms[$name]))
    backoff_ms[$name]=$((backoff_ms[$name] * 2))
    if ((backoff_ms[$name] > BACKOFF_MAX_MS)); then
        backoff_ms[$name]=$BACKOFF_MAX_MS
    fi
}

# A process that can't be started ends the start; one that ran before leaves
# the others alone, unless none is left.
give_up() {
    local name=$1 code=$2 other
    if [[ $code -ne $EXIT_USAGE && $code -ne $EXIT_DAMAGED ]]; then
        code=$EXIT_SYSTEM
    fi
    if ! $pipeline_ready; then
        exit_code=$code
        tell_starter "failed $name $code"
        on_stop
        return
    fi
    for other in "${START_ORDER[@]}"; do
        if [[ ${state[$other]} != down ]]; then
            return
        fi
    done
    exit_code=$code
    on_stop
}

on_again() {
    local name
    if $stopping || ! $pipeline_ready; then
        return
    fi
    for name in "${START_ORDER[@]}"; do
        backoff_ms[$name]=$BACKOFF_MIN_MS
        case ${state[$name]} in
            down | backoff)
                if [[ ! -e $RUN/$name.down ]]; then
                    write_log info again "name=$name"
                    start "$name"
                fi
                ;;
        esac
    done
}

# The first time: stop in order.  Again: whoever we wait for ends at once.
on_stop() {
    if ! $stopping; then
        write_log info stopping
        stopping=true
        stop_step
    elif [[ -n $stop_name && -n ${pid[$stop_name]} ]]; then
        kill -TERM "${pid[$stop_name]}" 2>/dev/null
    fi
}

# Asks the next one that lives to stop; ends us when none does.
stop_step() {
    local name
    for name in "${STOP_ORDER[@]}"; do
        case ${state[$name]} in
            starting | ready | lost) ;;
            *) continue ;;
        esac
        # One that has no pid yet comes back here with "started".
        if [[ -n ${pid[$name]} && $stop_name != "$name" ]]; then
            stop_name=$name
            stop_kills=0
            now
            stop_due_ms=$((now_ms + STOP_MS))
            kill -TERM "${pid[$name]}" 2>/dev/null
        fi
        return
    done
    write_log info stopped "exit=$exit_code"
    rm -f "$RUN/supervisor.pid"
    exit "$exit_code"
}

watch_watcher() {
    case ${state[$1]} in
        starting | ready)
            kill -0 "${watcher[$1]}" 2>/dev/null ||
                echo "lost $1 ${generation[$1]}" >&9
            ;;
        lost)
            if end_lost "$1"; then
                on_died "$1" "${generation[$1]}" "$STATUS_KILLED"
            else
                wait_ms=$LOST_WAIT_MS
            fi
            ;;
    esac
}

# Does what is due; wait_ms tells how long nothing else will be.
act_on_time() {
    local name
    now
    wait_ms=$WAIT_MS_MAX
    if $foreground && ((now_ms - rotated_ms >= ROTATE_MS)); then
        rotated_ms=$now_ms
        rotate_copied
    fi
    for name in "${START_ORDER[@]}"; do
        watch_watcher "$name"
        if $stopping || [[ ${state[$name]} != backoff ]]; then
            continue
        fi
        if ((due_ms[$name] <= now_ms)); then
            start "$name"
        elif ((due_ms[$name] - now_ms < wait_ms)); then
            wait_ms=$((due_ms[$name] - now_ms))
        fi
    done
    if [[ -n $stop_name && -n ${pid[$stop_name]} ]]; then
        if ((stop_due_ms <= now_ms && stop_kills == 0)); then
            write_log error kill "name=$stop_name pid=${pid[$stop_name]}" \
                "why=did_not_stop waited_ms=$STOP_MS"
            kill -KILL "${pid[$stop_name]}" 2>/dev/null
            stop_kills=1
        elif ((stop_kills == 0 && stop_due_ms - now_ms < wait_ms)); then
            wait_ms=$((stop_due_ms - now_ms))
        fi
    fi
}

begin() {
    local name
    mkdir -p "$RUN" "$LOG" || exit "$EXIT_USAGE"
    exec 8>>"$RUN/supervisor.lock"
    # Whoever only looks at the lock holds it for a moment.
    if ! flock --timeout 1 8; then
        echo "supervise: already running for $HOME_DIR" >&2
        exit "$EXIT_USAGE"
    fi
    echo $$ >"$RUN/supervisor.pid"
    if [[ -n ${READY_FD-} ]]; then
        eval "exec 7>&$READY_FD"
        if [[ $READY_FD -ne 7 ]]; then
            eval "exec $READY_FD>&-"
        fi
    fi
    # They would be the programs' as well, and are not meant for them.
    unset READY_FD NOTIFY_SOCKET WATCHDOG_USEC WATCHDOG_PID
    rotate "$LOG/supervisor.log"
    if $foreground; then
        exec 5>&2
    else
        exec </dev/null >>"$LOG/supervisor.log" 2>&1
    fi
    rm -f "$RUN/supervisor.pipe" "$RUN/gateway.url" "$RUN"/*.down
    mkfifo -m 600 "$RUN/supervisor.pipe" || exit "$EXIT_SYSTEM"
    exec 9<>"$RUN/supervisor.pipe"
    rm -f "$RUN/supervisor.pipe"
    trap 'echo stop >&9' TERM INT
    trap 'echo again >&9' HUP
    write_log info starting "pid=$$ home=$HOME_DIR"
    for name in "${START_ORDER[@]}"; do
        state[$name]=waiting
        generation[$name]=0
        attempts[$name]=0
        backoff_ms[$name]=$BACKOFF_MIN_MS
    done
}

# Reads what happened into line; false when the time is up.  The time may be
# up in the middle of a line, even of one that is there: its beginning is kept.
line='' line_begun=''
next_line() {
    local piece='' wait_s
    printf -v wait_s '%d.%03d' $((wait_ms / 1000)) $((wait_ms % 1000))
    if ! IFS= read -r -t "$wait_s" -u 9 piece; then
        line_begun+=$piece
        return 1
    fi
    line=$line_begun$piece
    line_begun=''
}

begin
start_next
while :; do
    act_on_time
    next_line || continue
    read -r what name number rest <<<"$line"
    case $what in
        stop) on_stop ;;
        again) on_again ;;
        started | ready | joined | died | lost)
            if [[ $number == "${generation[$name]}" ]]; then
                "on_$what" "$name" "$number" "$rest"
            fi
            ;;
    esac
done
