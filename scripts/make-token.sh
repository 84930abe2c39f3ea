#!/usr/bin/env bash
# make-token.sh customer|operator NAME FILE - a new token of that role
#
# Prints the token, once: nobody can find it out again.  Appends its SHA-256 to
# FILE (the knob `tokens`), which is made with mode 0600 if it is not there.
# The gateway reads the file when it starts.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

readonly TOKEN_BYTES=32 # of /dev/urandom: 256 bits

help_if_asked "$@"
[[ $# -eq 3 ]] || refuse_usage
role=$1 name=$2 file=$3
[[ $role == customer || $role == operator ]] ||
    refuse "the role is customer or operator, not $role"
[[ $name =~ ^[A-Za-z0-9._-]{1,32}$ ]] ||
    refuse "the name is made of 1 to 32 of a-z A-Z 0-9 . _ -"
umask 077
# The gateway would not start with two of one name.
if [[ -s $file ]]; then
    awk -v name="$name" '$2 == name && $1 !~ /^#/ { exit 1 }' "$file" ||
        refuse "$file has a token named $name already"
    # A last line that was left open is ended.
    [[ -z $(tail -c 1 "$file") ]] || echo >>"$file"
fi
token=$(head -c "$TOKEN_BYTES" /dev/urandom | basenc --base64url | tr -d '=\n')
hash=$(printf %s "$token" | sha256sum)
{ printf '%s %s sha256:%s\n' "$role" "$name" "${hash%% *}" >>"$file"; } \
    2>/dev/null || refuse "$file can't be written"
chmod 600 "$file"
echo "$token"
