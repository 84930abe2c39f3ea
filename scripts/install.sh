#!/usr/bin/env bash
# install.sh - make install: programs, settings and units below DESTDIR
#
#   PREFIX/lib/sagapipe/   the four programs (their names are too common for a
#                          bin directory); sagactl goes to PREFIX/bin
#   PREFIX/share/man/man1, PREFIX/share/bash-completion: sagactl's
#   PREFIX/lib/systemd/system, sysusers.d, tmpfiles.d
#   /etc/sagapipe/         sagapipe.conf, seed.json, alert rules for Prometheus, a
#                          dashboard for Grafana; never overwritten
#
# Environment: DESTDIR (the system itself if left out), PREFIX (/usr/local) and
# BIN, where the programs were built (bin).
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
help_if_asked "$@"
[[ $# -eq 0 ]] || refuse_usage
cd "$(dirname "${BASH_SOURCE[0]}")/.."
BIN=${BIN:-bin}
PREFIX=${PREFIX:-/usr/local}
root=${DESTDIR-}
programs=$root$PREFIX/lib/sagapipe
units=$root$PREFIX/lib/systemd/system
settings=$root/etc/sagapipe

# The units and snippets name /usr/local, and are told the prefix here.
install_text() {
    sed "s|/usr/local/|$PREFIX/|g" "$1" | install -D -m 644 /dev/stdin "$2"
}

install_setting() {
    if [[ -e $2 ]]; then
        echo "install: kept $2"
    else
        install -D -m 644 "$1" "$2"
    fi
}

for name in broker payment ledger gateway; do
    install -D -m 755 "$BIN/$name" "$programs/$name"
    install_text "systemd/sagapipe-$name.service" \
        "$units/sagapipe-$name.service"
done
if [[ -x $BIN/sagactl ]]; then
    install -D -m 755 "$BIN/sagactl" "$root$PREFIX/bin/sagactl"
    "$BIN/sagactl" completion bash | install -D -m 644 /dev/stdin \
        "$root$PREFIX/share/bash-completion/completions/sagactl"
    install -D -m 644 man/sagactl.1 "$root$PREFIX/share/man/man1/sagactl.1"
fi
install_text systemd/sagapipe.target "$units/sagapipe.target"
install_text systemd/sagapipe.sysusers.conf \
    "$root$PREFIX/lib/sysusers.d/sagapipe.conf"
install_text systemd/sagapipe.tmpfiles.conf \
    "$root$PREFIX/lib/tmpfiles.d/sagapipe.conf"
install_setting etc/sagapipe.conf "$settings/sagapipe.conf"
install_setting etc/seed.json "$settings/seed.json"
install_setting etc/prometheus/sagapipe.rules.yml \
    "$settings/prometheus/sagapipe.rules.yml"
install_setting etc/grafana/sagapipe.json "$settings/grafana/sagapipe.json"
cat <<EOF
installed to $root$PREFIX/lib/sagapipe, settings in $settings
next, as root:
    systemd-sysusers && systemd-tmpfiles --create sagapipe.conf
    systemctl daemon-reload && systemctl enable sagapipe.target
    systemctl restart sagapipe.target
EOF
