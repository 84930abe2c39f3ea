#!/usr/bin/env bash
# embed-web.sh DIRECTORY - writes DIRECTORY/assets.c: the dashboard as C
#
# One entry for each file of web/ and of the chart library, which Debian keeps
# in /usr/share/javascript (CHARTS): as it is, and compressed.  The table's form
# is that of src/gateway/http_assets.h.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly OUT=${1:?usage: embed-web.sh DIRECTORY}
readonly CHARTS=${CHARTS:-/usr/share/javascript/dygraphs}

for file in "$CHARTS"/dygraph.min.{js,css}; do
    if [[ ! -r $file ]]; then
        echo "embed-web: $file is missing: scripts/setup.sh installs it" >&2
        exit 1
    fi
done

media_type() {
    case $1 in
        *.html) echo 'text/html; charset=utf-8' ;;
        *.css) echo 'text/css; charset=utf-8' ;;
        *.js) echo 'text/javascript; charset=utf-8' ;;
        *.svg) echo 'image/svg+xml' ;;
        *) echo "embed-web: what is $1?" >&2 && return 1 ;;
    esac
}

# include SYMBOL FILE: the file's bytes, from SYMBOL to SYMBOL_end.
include() {
    printf 'extern const uint8_t %s[], %s_end[];\n' "$1" "$1"
    printf '__asm__(".section .rodata\\n%s: .incbin \\"%s\\"\\n%s_end:\\n"\n' \
        "$1" "$2" "$1"
    printf '        ".byte 0\\n.previous\\n");\n'
}

mkdir -p "$OUT"
table=''
count=0
{
    echo '/* Made by scripts/embed-web.sh. */'
    echo '#include "gateway/http_assets.h"'
    for file in web/* "$CHARTS"/dygraph.min.{js,css}; do
        name=$(basename "$file")
        type=$(media_type "$name")
        tag=$(sha256sum "$file" | cut -c 1-16)
        # What the source map's comment names is not here.
        sed '/^\/\/# sourceMappingURL=/d;s|/\*# sourceMappingURL=.*\*/||' \
            "$file" >"$OUT/$name"
        gzip -9 -n -c "$OUT/$name" >"$OUT/$name.gz"
        include "asset_$count" "$OUT/$name"
        include "asset_${count}_gzip" "$OUT/$name.gz"
        path=/web/$name
        if [[ $name == index.html ]]; then
            path=/
        fi
        table+="    { \"$path\", \"$type\", \"\\\"$tag\\\"\",
      asset_$count, asset_${count}_end,
      asset_${count}_gzip, asset_${count}_gzip_end },
"
        count=$((count + 1))
    done
    echo 'const struct http_asset http_assets[] = {'
    printf '%s};\n' "$table"
    echo 'const size_t http_assets_count = ARRAY_COUNT(http_assets);'
} >"$OUT/assets.c.new"
mv "$OUT/assets.c.new" "$OUT/assets.c"
