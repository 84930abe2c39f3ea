#!/bin/sh
# large-payments.sh - a filter in shell: tells of every approved payment of
# 500.00 and more
#
#   sagactl filter --name large-payments --from payments --to reviews \
#       -- examples/large-payments.sh
#
# A line comes in for each event.  The answer is any number of lines, then an
# empty one.  Amounts are in minor units: 50000 is 500.00.

member() {
    printf '%s\n' "$event" | sed -n "s/.*\"$1\":\"\{0,1\}\([A-Za-z0-9]*\).*/\1/p"
}

while read -r event; do
    if [ "$(member status)" = APPROVED ] && [ "$(member price)" -ge 50000 ]; then
        printf '{"type":"example.large-payment","data":{"orderId":%s,"price":%s}}\n' \
            "$(member orderId)" "$(member price)"
    fi
    echo
done
