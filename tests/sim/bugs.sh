#!/usr/bin/env bash
# bugs.sh - the test of the simulation: it must find every planted mistake
#
#   tests/sim/bugs.sh [--dry] [NAME...]
#
# Each bug is a substitution in one file of src/ (a copy in BUILD/bugs), which
# is compiled and linked in the original's place.  The simulation must fail
# within STEPS steps.  A substitution that changes nothing is a failure, too:
# the code has moved, and the bug with it.  --dry looks for these only.
# BUILD (build) holds what `make sim` built; SEED (1) and STEPS (1000000).
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 100
BUILD=${BUILD:-build} SEED=${SEED:-1} STEPS=${STEPS:-1000000}
dry=false
if [[ ${1-} == --dry ]]; then
    dry=true
    shift
fi
if [[ ${1-} == -* ]]; then
    echo "usage: bugs.sh [--dry] [NAME...]" >&2
    exit 100
fi
readonly BUILD SEED STEPS dry
readonly FLAGS=(-std=c11 -D_GNU_SOURCE -Isrc -O2 -g -fPIE -w)

# name | file | perl substitution over the whole file.  (trim_before_ack knows
# that sim_store.c's tables begin with their store.)
bugs() {
    cat <<'BUGS'
answer_before_flush|saga/participant.c|s/(enum rc\nparticipant_commit.*?\n    fault_point\("decided"\);\n)/$1    if (participant->handlers->on_committed) participant->handlers->on_committed(participant->context);\n/s
publish_before_flush|saga/participant.c|s/(    rc = store_commit\(participant->store\);\n    fault_point\("committed"\);)/$1\n    if (rc == RC_OK \&\& participant->opened) rc = outbox_publish(\&participant->outbox, participant->bus);/
never_flush|saga/participant.c|s/if \(rc == RC_OK && [^\n]*\)\n(\s*rc = store_flush\(participant->store\))/if (false)\n$1/
position_not_written|saga/inbox.c|s/if \(!inbox->streams\[i\]\.changed\)/if (true)/
position_not_moved|saga/inbox.c|s/stream->offset = offset \+ 1;//
position_after_effect|saga/participant.c|s/rc = inbox_write\(&participant->inbox\);/rc = RC_OK;/;s/(    rc = store_commit\(participant->store\);\n)/$1    if (rc == RC_OK) rc = store_begin(participant->store);\n    if (rc == RC_OK) rc = inbox_write(\&participant->inbox);\n    if (rc == RC_OK) rc = store_commit(participant->store);\n/
dedupe_off|saga/inbox.c|s/if \(offset < stream->offset\)\n        return INBOX_DUPLICATE;/if (offset < stream->offset)\n        return INBOX_NEW;/
trim_before_ack|saga/outbox.c|s/(if \(rc == RC_OK\)\n        stream->sent_seq \+= batch\.count;)/if (rc == RC_OK) {\n        uint8_t gone[OUTBOX_KEY_BYTES_MAX];\n        rc = store_begin((struct store *)*(void **)outbox->rows);\n        if (rc == RC_OK) rc = store_delete(outbox->rows, gone, row_key(stream, batch.first_seq, gone));\n        if (rc == RC_OK) rc = store_commit((struct store *)*(void **)outbox->rows);\n    }\n    $1/
seq_not_written|saga/outbox.c|s/if \(rc == RC_OK && stream->written\)/if (false)/
outbox_forgotten|saga/outbox.c|s/stream->sent_seq = stream->acked_seq = stream->kept_seq = first_seq - 1;/stream->sent_seq = stream->acked_seq = stream->next_seq - 1; stream->kept_seq = first_seq - 1;/
no_resend|saga/bus_zmq_send.c|s/for \(i = 0; i < bus->sent_count; i\+\+\)\n        if \(!bus_zmq_sent_at\(bus, i\)->acked/for (i = 0; i < 0; i++)\n        if (!bus_zmq_sent_at(bus, i)->acked/
fetch_lost|saga/bus_zmq.c|s/late = true;\n        bus_zmq_send_fetch\(bus, stream, now_us\);/late = true;/
fetch_skips|saga/bus_zmq_reply.c|s/stream->next_offset = end;/stream->next_offset = end + (ok.count > 2);/
broker_acks_early|broker/broker_turn.c|s/rc = flush \? store_flush\(broker->store\) : RC_OK;/rc = RC_OK;/
broker_dedupe_off|broker/producer_seqs.c|s/return PRODUCER_DUPLICATE;/return PRODUCER_APPEND;/
broker_forgets_seqs|broker/broker_turn.c|s/enum rc rc\s*=\s*producer_table_write\(&broker->producers, broker->meta,\s*broker->topics\);/enum rc rc = RC_OK;/
broker_takes_gaps|broker/producer_seqs.c|s/: PRODUCER_GAP;/: PRODUCER_DUPLICATE;/
fence_off|broker/broker_handle.c|s/if \(batch->epoch < producer->epoch\)/if (false)/
epoch_not_kept|broker/broker_handle.c|s/return opening == PRODUCER_OPENS \? begin\(broker\) : RC_OK;/return RC_OK;/
starts_ignored|broker/producer_life.c|s/if \(next->starts == 0 \|\| next->starts > last->starts\)/if (next->life != last->life)/
opens_again_anew|broker/producer_life.c|s/\? PRODUCER_OPENS_AGAIN :/? PRODUCER_OPENS :/
starts_not_counted|saga/participant_life.c|s/\+\+life\.starts/life.starts += life.starts == 0/
starts_not_flushed|saga/participant_life.c|s/return rc == RC_OK \? store_flush\(participant->store\) : rc;/return rc;/
refund_twice|payment/payment_decide.c|s/order->status = PAYMENT_ORDER_REFUNDED;/order->status = PAYMENT_ORDER_APPROVED;/
refund_not_kept|payment/payment.c|s/(case PAYMENT_VERDICT_REFUNDED:\n        rc = )payment_store_put_account\(payment->tables, account\)/$1RC_OK/
overdraft|payment/payment_account.c|s/price\.minor > account->balance\.minor/price.minor > account->balance.minor + 1/
cancel_forgotten|payment/payment_decide.c|s/return PAYMENT_VERDICT_REMEMBERED;/return PAYMENT_VERDICT_NOTHING;/
declined_is_booked|ledger/ledger_post.c|s/(if \(payment->reason == REFUSAL_NONE\)\n\s*break;)/$1\n        if (payment->reason == REFUSAL_CREDIT) return LEDGER_VERDICT_BOOKED;/
no_limit|ledger/ledger_post.c|s/price > limit\.minor/false/
backwards|gateway/order_status.c|s/\[TRANSACTION_UNSUCCESSFUL\] = ORDER_FAILED/[TRANSACTION_UNSUCCESSFUL] = ORDER_CREATED/
key_forgotten|gateway/gateway_orders.c|s/store_put_new\(store->tables\.keys, request->key,\s*strlen\(request->key\), value, sizeof value\)/RC_OK/;s/(rc == RC_EXISTS\)\n\s*rc = )order_replay\(store, request\)/$1RC_OK/
credit_id_reused|gateway/gateway_users.c|s/store->counters\.credit_last = request->credit\.value;/store->counters_changed = true;/
cancel_not_sent|gateway/gateway_orders.c|s/(    log_cancel\(turn, &event\);\n    return )gateway_emit\(store, turn, &event\)/$1RC_OK/
index_not_noted|gateway/order_merge.c|s/this->merged = least->block\.entry;/;/
index_forgets|gateway/order_merge.c|s/(rc = order_runs_put_block\(runs, \(uint8_t\)\(level \+ 1\))/if (runs->block.count > 1) $1/
index_levels_kept|gateway/order_merge.c|s/this->merged = least->block\.entry;\n    return order_runs_put_levels\(runs\);/this->merged = least->block.entry;\n    return RC_OK;/
number_reused|gateway/gateway_store.c|s/\/ config->order_id_stride \+ 1;/\/ config->order_id_stride;/
BUGS
}

wanted() {
    local name
    (($# == 1)) && return 0
    for name in "${@:2}"; do
        [[ $name == "$1" ]] && return 0
    done
    return 1
}

# plant NAME FILE SUBSTITUTION: builds BUILD/bugs/NAME/simulate.
plant() {
    local folder=$BUILD/bugs/$1
    mkdir -p "$folder"
    perl -0pe "$3" "src/$2" >"$folder/bug.c" || return 1
    if cmp -s "src/$2" "$folder/bug.c"; then
        echo "bugs.sh: $1: nothing to change in src/$2: the code has moved"
        return 1
    fi
    $dry && return
    gcc "${FLAGS[@]}" -I"src/$(dirname "$2")" -c -o "$folder/bug.o" \
        "$folder/bug.c" &&
        gcc -pie -o "$folder/simulate" "$BUILD"/tests/sim/*.o \
            "$folder/bug.o" "$BUILD/libparts.a" "$BUILD/libsaga.a" -lmsgpackc
}

missed=0
found=0
while IFS='|' read -r name file substitution; do
    wanted "$name" "$@" || continue
    if ! plant "$name" "$file" "$substitution"; then
        missed=$((missed + 1))
        continue
    fi
    $dry && continue
    if timeout 120 "$BUILD/bugs/$name/simulate" --seed "$SEED" \
        --steps "$STEPS" >"$BUILD/bugs/$name/out" 2>&1; then
        echo "bugs.sh: $name was not found in $STEPS steps"
        missed=$((missed + 1))
    else
        found=$((found + 1))
        [[ -n ${LOUD:-} ]] && echo "$name: $(head -n 2 \
            "$BUILD/bugs/$name/out" | cut -c1-200 | tr '\n' ' ')"
    fi
    rm -f "$BUILD/bugs/$name/simulate"
done < <(bugs)
$dry || echo "sim: bugs found=$found missed=$missed"
((missed == 0))
