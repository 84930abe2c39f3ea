#!/usr/bin/env bash
# analyze-units.sh WORD... - systemd-analyze, also where systemd is not booted
#
# Before it looks at anything it makes /run/systemd, which only root may.  As a
# user's own manager it makes that elsewhere, and finds the same mistakes.
set -uo pipefail

if [[ -d /run/systemd || -w /run ]]; then
    exec systemd-analyze "$@"
fi
XDG_RUNTIME_DIR=$(mktemp -d) || exit
export XDG_RUNTIME_DIR
trap 'rm -rf "$XDG_RUNTIME_DIR"' EXIT
systemd-analyze --user "$@"
