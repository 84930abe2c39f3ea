#!/usr/bin/env bash
# tidy.sh - keeps layers, sizes and manners of the tree true (make tidy)
#
# CORE, from the Makefile, names the pure .c files.  Each finding is one line,
#   file:line: rule: what was found
# and the exit code is then 1.
set -uo pipefail
if [[ $# -ne 0 ]]; then
    echo "usage: make tidy" >&2
    exit 100
fi
export LC_ALL=C.UTF-8
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 100
CORE=${CORE:?"run it as: make tidy"}

readonly FILE_LINES_MAX=500 FUNCTION_LINES_MAX=70 COLUMNS_MAX=80
# A test's tables grow with what they test.
readonly TEST_FILE_LINES_MAX=800 TEST_FUNCTION_LINES_MAX=140
readonly CORE_STANDARD='stdbool|stddef|stdint|string|limits'
# Outside decides about our money only through money_from_double().
readonly DOUBLE_ALLOWED=' src/saga/money.c src/saga/money.h
    src/gateway/http_body.c src/gateway/gateway_seed.c '
readonly BANNED='strcpy|strcat|sprintf|vsprintf|gets|atoi|atol|atof|strtok'
readonly BANNED_TOO='sleep|usleep|nanosleep|system|popen|rand|srand|alloca'

mapfile -t sources < <(find src -name '*.[ch]' | sort)
mapfile -t all_c < <(find src tests bench examples -name '*.[ch]' ! -path '*/node_modules/*' | sort)
mapfile -t all_text < <(find src tests bench examples scripts web systemd docs etc man \
    Makefile README.md -type f ! -name '*.pyc' ! -name '*.png' ! -path '*/__pycache__/*' ! -path '*/node_modules/*' \
    ! -path 'tests/fuzz/corpus/*' ! -path 'scripts/tidy.sh' ! -path 'tests/integration/test_scripts.py' \
    2>/dev/null | sort)
findings=0

# report RULE: each line "file:line: text" or "file:line:text" of stdin is a
# finding.
report() {
    local file line text
    while IFS=: read -r file line text; do
        echo "$file:$line: $*: ${text# }"
        findings=$((findings + 1))
    done
}

# The code of files without comments and with empty strings, each line with
# "file:line:" before it.
code_of() {
    awk '
    FNR == 1 { comment = 0 }
    {
        line = $0; out = ""
        while (line != "") {
            if (comment) {
                at = index(line, "*/")
                if (at == 0) { line = ""; break }
                line = substr(line, at + 2); comment = 0
            } else if (match(line, /\/\*|\/\/|"|\047/)) {
                out = out substr(line, 1, RSTART - 1)
                what = substr(line, RSTART, RLENGTH)
                line = substr(line, RSTART + RLENGTH)
                if (what == "//") line = ""
                else if (what == "/*") comment = 1
                else {
                    out = out what what
                    end = what == "\"" ? "^([^\"\\\\]|\\\\.)*\"" \
                                       : "^([^\047\\\\]|\\\\.)*\047"
                    if (match(line, end)) line = substr(line, RLENGTH + 1)
                    else line = ""
                }
            } else { out = out line; line = "" }
        }
        print FILENAME ":" FNR ":" out
    }' "$@"
}

# A header is core if its .c is, or if it has none and says so ("Core").
core_files() {
    local file header
    for file in $CORE; do
        [[ -e $file ]] && echo "$file"
        [[ -e ${file%.c}.h ]] && echo "${file%.c}.h"
    done
    for header in src/*/*.h; do
        if [[ ! -e ${header%.h}.c ]] &&
            sed '/\*\//q' "$header" | grep -qE '^ \*.*\bCore[.:]'; then
            echo "$header"
        fi
    done
}

rule_core() {
    local file
    local -a core
    local allowed="<($CORE_STANDARD)\.h>"
    mapfile -t core < <(core_files | sort -u)
    for file in "${core[@]}"; do
        if [[ $file == *.h ]]; then
            file=${file#src/}
            allowed+="|\"${file//./\\.}\""
        fi
    done
    # base.c ends the process when a law is broken, and says why.
    grep -HnE '^#[[:space:]]*include' "${core[@]}" |
        grep -vE "include[[:space:]]+($allowed)" |
        grep -vE '^src/saga/base\.c:.*<std(io|lib)\.h>' |
        report "core files are pure: only $CORE_STANDARD and core headers"
}

# only_in PATTERN FILES WHO: the header is for those files alone.
only_in() {
    grep -HnE "^#[[:space:]]*include[[:space:]]+[<\"]($1)[>\"]" \
        "${sources[@]}" | grep -vE "^($2):" | report "only $3 includes ${1//\\/}"
}

rule_libraries() {
    only_in 'db\.h' 'src/saga/store_db\.h' 'store_db.h'
    only_in 'saga/store_db\.h' 'src/saga/store[a-z_]*\.[ch]' 'store*.c'
    only_in 'microhttpd\.h' 'src/gateway/(gateway_)?http[a-z_]*\.[ch]' \
        'gateway*/http*.c'
    only_in 'c?zmq\.h' \
        'src/saga/bus_zmq[a-z_]*\.[ch]|src/broker/.*|src/sagactl/.*' \
        'bus_zmq*.c, the broker and sagactl'
    only_in 'curl/.*\.h' 'src/sagactl/sagactl_(gate|load)[a-z_]*\.[ch]' \
        'sagactl_gate*.c and sagactl_load*.c'
    only_in 'msgpack.*\.h' 'src/saga/codec[a-z_]*\.[ch]' 'codec*.c'
    only_in 'jansson\.h' \
        'src/(gateway|sagactl)/.*|src/saga/cloudevent[a-z_]*\.[ch]' \
        'the gateway, sagactl and cloudevent*.c'
}

rule_layers() {
    local process
    grep -HnE '^#[[:space:]]*include[[:space:]]+"' src/saga/*.[ch] |
        grep -v 'include[[:space:]]*"saga/' |
        report 'src/saga never includes headers of a process'
    # sagactl reads the stores of all of them: it knows their rows.
    for process in broker payment ledger gateway; do
        find "src/$process" -name '*.[ch]' -exec \
            grep -HnE '^#[[:space:]]*include[[:space:]]+"' {} + 2>/dev/null |
            grep -vE "include[[:space:]]*\"(saga|$process)/" |
            report 'processes do not include each other'
    done
}

rule_sizes() {
    wc -l "${all_c[@]}" | awk -v source_max="$FILE_LINES_MAX" \
        -v test_max="$TEST_FILE_LINES_MAX" '
        { max = $2 ~ /^tests/ ? test_max : source_max }
        $2 != "total" && $1 > max { print $2 ":" $1 ": has " $1 " lines" }' |
        report "a file has at most $FILE_LINES_MAX lines" \
            "($TEST_FILE_LINES_MAX in tests)"
    ctags -o - --sort=no --languages=C --langmap=C:.c.h --c-kinds=f \
        --fields=+ne "${all_c[@]}" | awk -F'\t' -v source_max="$FUNCTION_LINES_MAX" \
        -v test_max="$TEST_FUNCTION_LINES_MAX" '
        {
            max = $2 ~ /^tests/ ? test_max : source_max
            line = end = 0
            for (i = 4; i <= NF; i++) {
                if ($i ~ /^line:/) line = substr($i, 6)
                if ($i ~ /^end:/) end = substr($i, 5)
            }
            if (end - line + 1 > max)
                print $2 ":" line ": " $1 "() has " end - line + 1 " lines"
        }' | report "a function has at most $FUNCTION_LINES_MAX lines" \
        "($TEST_FUNCTION_LINES_MAX in tests)"
}

rule_banned() {
    local code=$1 file line text
    grep -E "[^A-Za-z0-9_.>]($BANNED|$BANNED_TOO)[[:space:]]*\(" "$code" |
        grep '^src/' | report 'banned call'
    grep -E ':.*\b(float|double)\b' "$code" | grep '^src/' |
        while IFS=: read -r file line text; do
            [[ $DOUBLE_ALLOWED == *[[:space:]]"$file"[[:space:]]* ]] ||
                echo "$file:$line:$text"
        done | report 'money and counts are integers: no floating point'
}

# A law is looked at, and nothing else: a reader passes over it.
rule_laws() {
    grep -E '\binvariant\(.*(\+\+|--|\b(write|MHD_run|[a-z_]+_(init|copy|write|send|gettime))\()' \
        "$1" | grep '^src/' | report 'no work inside an invariant'
}

rule_leftovers() {
    grep -HnE '\b(TODO|FIXME|XXX|HACK)\b|\bfor now\b|not implemented' \
        "${all_text[@]}" | report 'leftover'
    grep -HnE '\b(sleep|usleep|nanosleep)[[:space:]]*\(|\bsleep [0-9$"]' \
        "${all_text[@]}" | grep -v '^src/' |
        report 'nothing sleeps: wait for a message, with a limit'
}

rule_layout() {
    grep -HnP ".{$((COLUMNS_MAX + 1))}" "${all_c[@]}" |
        report "a line of C has at most $COLUMNS_MAX columns"
    grep -HnP '\t' "${all_text[@]}" | grep -v '^Makefile:' |
        report 'no tabs'
    grep -HnE '[[:space:]]+$' "${all_text[@]}" | report 'no trailing blanks'
}

# A pipe's last part counts here, not in a subshell.
shopt -s lastpipe
code=$(mktemp)
trap 'rm -f "$code"' EXIT
code_of "${all_c[@]}" >"$code"
rule_core
rule_libraries
rule_layers
rule_sizes
rule_banned "$code"
rule_laws "$code"
rule_leftovers
rule_layout
echo "tidy: ${#all_text[@]} files, $findings findings"
[[ $findings -eq 0 ]]
