#!/usr/bin/env bash
# embed-web.sh DIRECTORY - writes DIRECTORY/assets.c: the pages as C
#
# One entry for each file of web/, of the chart library, which Debian keeps in
# /usr/share/javascript (CHARTS), and of swagger-ui (SWAGGER) where it was
# installed: as it is, and compressed.  Without swagger-ui /docs says how to get
# it.  The table's form is that of src/gateway/http_assets.h.
set -euo pipefail
if [[ $# -ne 1 || $1 == -* ]]; then
    echo "usage: embed-web.sh DIRECTORY" >&2
    exit 100
fi
cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly OUT=$1
readonly CHARTS=${CHARTS:-/usr/share/javascript/dygraphs}
readonly SWAGGER=${SWAGGER:-docs/swagger/node_modules/swagger-ui-dist}

files=("$CHARTS"/dygraph.min.{js,css})
unused=' docs.html docs.js '
if [[ -e $SWAGGER/swagger-ui-bundle.js ]]; then
    files+=("$SWAGGER"/swagger-ui{-bundle.js,.css})
    unused=' docs-none.html '
fi
for file in web/*; do
    if [[ $unused != *" ${file##*/} "* ]]; then
        files+=("$file")
    fi
done

for file in "${files[@]}"; do
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
        *.json) echo 'application/json' ;;
        *) echo "embed-web: what is $1?" >&2 && return 1 ;;
    esac
}

# path_of NAME: where the gateway has it.
path_of() {
    case $1 in
        index.html) echo / ;;
        docs.html | docs-none.html) echo /docs ;;
        openapi.json) echo /openapi.json ;;
        *) echo "/web/$1" ;;
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
    for file in "${files[@]}"; do
        name=$(basename "$file")
        type=$(media_type "$name")
        tag=$(sha256sum "$file" | cut -c 1-16)
        # What the source map's comment names is not here.
        sed '/^\/\/# sourceMappingURL=/d;s|/\*# sourceMappingURL=.*\*/||' \
            "$file" >"$OUT/$name"
        gzip -9 -n -c "$OUT/$name" >"$OUT/$name.gz"
        include "asset_$count" "$OUT/$name"
        include "asset_${count}_gzip" "$OUT/$name.gz"
        table+="    { \"$(path_of "$name")\", \"$type\", \"\\\"$tag\\\"\",
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
