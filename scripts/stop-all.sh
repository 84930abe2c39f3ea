#!/usr/bin/env bash
# stop-all.sh - stops the pipeline of SAGAPIPE_HOME, in order
#
# The gateway stops accepting and waits for open orders (the knob `drain`), then
# payment, ledger and broker stop.  Returns when all have ended.  Nothing
# running is no error.
set -uo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
help_if_asked "$@"
[[ $# -eq 0 ]] || refuse_usage
enter_tree

home=${SAGAPIPE_HOME:-./var}
drain_ms=5000
if [[ -x $BIN/gateway ]]; then
    settings_load
    home=$(setting home)
    drain_ms=$(milliseconds "$(setting drain)")
fi
home=$(realpath -ms "$home")
# The supervisor gives each of the four this long, and then kills it.
each_s=$((drain_ms / 1000 + STOP_GRACE_S))
limit_s=$((each_s * ${#PROCESSES[@]} + STOP_GRACE_S))

if pid=$(supervisor_pid "$home"); then
    kill -TERM "$pid" 2>/dev/null
    if ! flock --timeout "$limit_s" "$home/run/supervisor.lock" true; then
        say "supervisor (pid $pid) has not ended after $limit_s s;" \
            "see $home/log/supervisor.log" >&2
        exit 111
    fi
    say "stopped"
    exit 0
fi
stop_orphans "$home" "$each_s"
if [[ $orphans -eq 0 ]]; then
    say "nothing runs for $home"
fi
