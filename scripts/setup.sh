#!/usr/bin/env bash
# setup.sh [--with-tests] [--with-bench] [--with-docs] - installs what is missing
#
# Without a flag: the Debian packages that building and running need.  With them:
# also what the tests and checks, what the benchmark, and what the page /docs
# needs; for tests and page also packages of npm, into node_modules of the tree.
# Says what it installs and why, and says and does nothing (no network either)
# if nothing is missing.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# package   why
readonly TO_RUN='
gcc               compiles
make              builds
libc6-dev         C library headers
libzmq3-dev       ZeroMQ: the bus between the processes
libczmq-dev       ZeroMQ for C programs
libmsgpack-dev    events on the wire
libdb5.3-dev      Berkeley DB: the stores
libmicrohttpd-dev the HTTP server
libjansson-dev    JSON of requests
libcurl4-openssl-dev sagactl asks the gateway
nettle-dev        SHA-256 of bearer tokens
libjs-dygraphs    charts of the dashboard
libsystemd-dev    readiness and watchdog under systemd
util-linux        flock and setsid for the scripts
curl              tries the API, as start-all.sh shows
'
readonly TO_TEST='
libcmocka-dev     unit tests
python3           integration tests
python3-pytest    integration tests
python3-pytest-xdist runs them side by side
python3-zmq       a client of the broker in another language
python3-msgpack   a client of the broker in another language
python3-jsonschema holds answers against the description of the API
shellcheck        checks the scripts
mandoc            checks the manual page
man-db            checks the manual page
universal-ctags   measures functions for make tidy
systemd           checks the units
systemd-container boots them (test-all.sh --long)
clang             fuzz targets (libFuzzer)
libclang-rt-14-dev fuzz targets (libFuzzer)
prometheus        scrapes the metrics, checks the alert rules
valgrind          watches memory (test-all.sh --long)
spin              checks the model (test-all.sh --long)
chromium          shows the dashboard to its tests
'

readonly TO_NPM='
nodejs            runs what npm installs
npm               installs what Debian does not have
'

# Debian starts both servers on their usual ports where systemd runs; the
# benchmark does not touch those, but has its own.
readonly TO_BENCH='
wrk               loads the benchmark
python3           runs the benchmark
python3-matplotlib draws its pictures
nats-server       what the broker is compared with
redis-server      what the broker is compared with
'

help_if_asked "$@"
list=$TO_RUN
npm=()
for flag in "$@"; do
    case $flag in
        --with-tests)
            list+=$TO_TEST$TO_NPM
            npm+=(tests/openapi tests/browser docs/swagger)
            ;;
        --with-bench) list+=$TO_BENCH ;;
        --with-docs)
            list+=$TO_NPM
            npm+=(docs/swagger)
            ;;
        *) refuse_usage ;;
    esac
done

enter_tree

# missing LIST: the packages of the list that are not installed.
missing() {
    local wanted installed
    wanted=$(awk 'NF { print $1 }' <<<"$1" | sort -u)
    # shellcheck disable=SC2086 # one word per package
    installed=$(dpkg-query --show \
        --showformat='${db:Status-Status} ${Package}\n' $wanted 2>/dev/null |
        sed -n 's/^installed //p' | sort -u) || true
    comm -23 <(echo "$wanted") <(echo "$installed")
}

# npm_missing DIRECTORY: true unless its lock file's packages are installed.
npm_missing() {
    ! cmp -s "$1/package-lock.json" "$1/node_modules/.installed"
}

install_debian() {
    local package as_root=()
    say "these Debian packages are missing:"
    for package in "$@"; do
        grep -m1 "^$package " <<<"$list" | sed 's/^/    /'
    done
    if [[ $(id -u) -ne 0 ]]; then
        command -v sudo >/dev/null || refuse "run as root: apt-get install $*"
        as_root=(sudo)
        say "installing them with apt-get (sudo may ask for your password)"
    else
        say "installing them with apt-get"
    fi
    export DEBIAN_FRONTEND=noninteractive
    "${as_root[@]}" apt-get update -q -q
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -q -q -y --no-install-recommends "$@" >/dev/null
    say "installed: $*"
}

# The exact versions of the lock file, with their checksums; no scripts of
# theirs are run.
install_npm() {
    say "installing with npm what $1/package.json names"
    npm --prefix "$1" ci --ignore-scripts --no-audit --no-fund \
        --loglevel=error >/dev/null ||
        refuse "npm could not: npm --prefix $1 ci --ignore-scripts"
    cp "$1/package-lock.json" "$1/node_modules/.installed"
}

if ! command -v apt-get dpkg-query >/dev/null; then
    say "this is no Debian; please install what these packages hold:" >&2
    echo "$list" >&2
    say "then: make, and SAGA_BIN=bin scripts/start-all.sh" >&2
    exit "$EXIT_USAGE"
fi
# Where node is not Debian's, npm came with it.
if command -v npm >/dev/null; then
    list=$(sed '/^\(nodejs\|npm\) /d' <<<"$list")
fi

mapfile -t packages < <(missing "$list")
if [[ ${#packages[@]} -gt 0 ]]; then
    install_debian "${packages[@]}"
fi
for directory in "${npm[@]}"; do
    if npm_missing "$directory"; then
        install_npm "$directory"
    fi
done
