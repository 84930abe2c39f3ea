/* What verify has words of its own for, made one by one.  Other checks may
 * see the same damage: the words tell which one did. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../support/sample_event.h"
#include "../support/verify_copies.h"
#include "broker/broker_meta.h"
#include "saga/protocol.h"

#define ROW_BYTES_MAX 65536
#define KEY_BYTES_MAX 200
#define USER_KEY (UINT64_C(3) << 56)
#define NO_ACCOUNT_KEY (UINT64_C(9) << 56)
/* Of the journal: docs/ACCOUNTS.md has its form. */
#define JOURNAL_HEAD_BYTES 11
#define ENTRY_HEAD_BYTES 26
#define POSTING_BYTES 17

struct row {
    const char *store, *table;
    uint8_t key[KEY_BYTES_MAX], value[ROW_BYTES_MAX];
    size_t key_bytes, bytes;
};

static struct row row; /* of the damage at hand */

static void
key_init(struct copies *copies, enum verify_store store, const char *table,
         struct bytes_writer *key)
{
    row.store = copies->input.directories[store];
    row.table = table;
    bytes_writer_init(key, row.key, sizeof row.key);
}

/* Reads the row whose key was written. */
static void
row_get(const struct bytes_writer *key)
{
    uint8_t wanted[KEY_BYTES_MAX];

    assert_false(key->failed);
    memcpy(wanted, row.key, key->used);
    row.bytes = verify_world_get(row.store, row.table, wanted, key->used,
                                 row.key, &row.key_bytes, row.value,
                                 sizeof row.value);
    assert_int_equal(row.key_bytes, key->used);
    assert_memory_equal(row.key, wanted, key->used);
}

static void
row_put(void)
{
    verify_world_put(row.store, row.table, row.key, row.key_bytes, row.value,
                     row.bytes);
}

static void
get_id(struct copies *copies, enum verify_store store, const char *table,
       uint64_t id)
{
    struct bytes_writer key;

    key_init(copies, store, table, &key);
    bytes_put_u64(&key, id);
    row_get(&key);
}

static void
stream_key(struct bytes_writer *key, const char *direction, const char *topic)
{
    bytes_put_text(key, direction);
    bytes_put_text(key, topic);
    bytes_put_u16(key, 0);
}

/* ---- events of the log ---- */

typedef bool change_fn(struct event *event); /* true: it was this one */

/* The table of the topic's segment that begins there is the next one. */
static void
find_segment(uint64_t base, const char *topic, char name[80])
{
    char path[700], next[80];

    snprintf(next, sizeof next, "topic.%s.0.%020llu", topic,
             (unsigned long long)base);
    snprintf(path, sizeof path, "%s/%s", row.store, next);
    if (access(path, F_OK) == 0)
        memcpy(name, next, sizeof next);
}

/* Decodes the batch's events, and writes it anew if one was changed. */
static bool
change_batch(struct codec *codec, struct protocol_batch *batch,
             change_fn *change)
{
    static uint8_t events[ROW_BYTES_MAX];
    const uint8_t *bytes = batch->bytes;
    size_t left = batch->bytes_count, used, put, all = 0;
    struct bytes_writer writer;
    struct event event;
    bool changed = false;

    for (uint32_t i = 0; i < batch->count; i++) {
        assert_int_equal(event_decode(codec, bytes, left, &event, &used),
                         CODEC_OK);
        changed = (!changed && change(&event)) || changed;
        assert_int_equal(
            event_encode(&event, events + all, sizeof events - all, &put),
            RC_OK);
        all += put;
        bytes += used;
        left -= used;
    }
    if (!changed)
        return false;
    batch->bytes = events;
    batch->bytes_count = all;
    bytes_writer_init(&writer, row.value, sizeof row.value);
    protocol_put_batch(&writer, batch);
    row.bytes = writer.used;
    return true;
}

/* Changes the topic's first event that is the right one. */
static void
change_event(struct copies *copies, const char *topic, change_fn *change)
{
    char table[80] = "";
    struct protocol_batch batch;
    struct bytes_reader reader;
    struct codec *codec;
    uint64_t base = 0;

    assert_int_equal(codec_new(&codec), RC_OK);
    for (;;) {
        row.store = copies->input.directories[VERIFY_BROKER];
        find_segment(base, topic, table);
        get_id(copies, VERIFY_BROKER, table, base);
        bytes_reader_init(&reader, row.value, row.bytes);
        assert_int_equal(protocol_get_batch(&reader, &batch), RC_OK);
        if (change_batch(codec, &batch, change))
            break;
        base += batch.count;
    }
    codec_destroy(&codec);
    row_put();
}

static bool
purchase_of_1_again(struct event *event)
{
    if (event->type != EVENT_ORDER_PURCHASE || event->order.value != 2)
        return false;
    event->order.value = 1; /* of the same user, at the same price */
    return true;
}

static void
tell_purchase_twice(struct copies *copies)
{
    change_event(copies, "orders", purchase_of_1_again);
}

static bool
balance_of_order_1(struct event *event)
{
    if (event->type != EVENT_PAYMENT || event->order.value != 1)
        return false;
    event->balance.minor += 1;
    return true;
}

static void
tell_balance(struct copies *copies)
{
    change_event(copies, "payments", balance_of_order_1);
}

static bool
declined_as_conflict(struct event *event)
{
    if (event->type != EVENT_PAYMENT || event->order.value != 3)
        return false;
    event_set_reason(event, REFUSAL_DUPLICATE);
    return true;
}

static void
tell_conflict(struct copies *copies)
{
    change_event(copies, "payments", declined_as_conflict);
}

/* Order 7's user is frozen, and has credit. */
static bool
declined_for_credit(struct event *event)
{
    if (event->type != EVENT_PAYMENT || event->order.value != 7)
        return false;
    event_set_reason(event, REFUSAL_CREDIT);
    return true;
}

static void
tell_no_credit(struct copies *copies)
{
    change_event(copies, "payments", declined_for_credit);
}

static bool
credited_to_opened(struct event *event)
{
    if (event->type != EVENT_ACCOUNT_CHANGED ||
        event->change != ACCOUNT_CHANGE_CREDITED)
        return false;
    event->change = ACCOUNT_CHANGE_OPENED;
    return true;
}

static void
tell_opened_twice(struct copies *copies)
{
    change_event(copies, "payments", credited_to_opened);
}

static bool
reversed_another(struct event *event)
{
    if (event->type != EVENT_TRANSACTION ||
        event->transaction_status != TRANSACTION_REVERSED)
        return false;
    event->transaction.value += 70;
    return true;
}

static void
tell_two_transactions(struct copies *copies)
{
    change_event(copies, "transactions", reversed_another);
}

static bool
cancel_instead(struct event *event)
{
    struct event cancel;

    sample_event(&cancel, EVENT_ORDER_CANCEL);
    cancel.id = event->id;
    memcpy(cancel.source, event->source, sizeof cancel.source);
    *event = cancel;
    return true;
}

static void
tell_elsewhere(struct copies *copies)
{
    change_event(copies, "payments", cancel_instead);
}

/* ---- the gateway's and the ledger's rows ---- */

static void
change_quantity(struct copies *copies)
{
    get_id(copies, VERIFY_GATEWAY, "orders", 1);
    row.value[18] ^= 2; /* one to three, which is a quantity too */
    row_put();
}

/* The octets of the entry of that order; its row is put by the caller. */
static uint8_t *
find_entry(struct copies *copies, enum ledger_entry_kind kind, uint64_t order)
{
    uint64_t first = 1;

    for (;;) {
        struct bytes_reader reader;
        uint8_t *entry = row.value + JOURNAL_HEAD_BYTES;
        uint32_t count;

        get_id(copies, VERIFY_LEDGER, "journal", first);
        bytes_reader_init(&reader, row.value + 1, 2);
        count = bytes_get_u16(&reader);
        first += count;
        for (; count > 0; count--) {
            bytes_reader_init(&reader, entry + 1, 8);
            if (entry[0] == kind && bytes_get_u64(&reader) == order)
                return entry;
            entry += ENTRY_HEAD_BYTES +
                     entry[ENTRY_HEAD_BYTES - 1] * POSTING_BYTES;
        }
    }
}

static void
book_twice(struct copies *copies)
{
    find_entry(copies, LEDGER_ENTRY_PURCHASE, 2)[8] = 1;
    row_put();
}

static void
book_another_reversal(struct copies *copies)
{
    find_entry(copies, LEDGER_ENTRY_REVERSAL, 5)[16] ^= 0x40;
    row_put();
}

static void
skip_a_transaction(struct copies *copies)
{
    find_entry(copies, LEDGER_ENTRY_PURCHASE, 2)[16] ^= 0x40;
    row_put();
}

static void
owe_too_much(struct copies *copies)
{
    get_id(copies, VERIFY_LEDGER, "balances", USER_KEY + 1);
    row.value[8] ^= 1; /* the upper half of its debits */
    row_put();
}

static void
keep_no_account(struct copies *copies)
{
    struct bytes_writer key;

    get_id(copies, VERIFY_LEDGER, "balances", USER_KEY + 1);
    bytes_writer_init(&key, row.key, sizeof row.key);
    bytes_put_u64(&key, NO_ACCOUNT_KEY);
    row_put();
}

/* ---- the broker's rows ---- */

/* Each user's events are all in partition 0. */
static void
have_two_partitions(struct copies *copies)
{
    struct bytes_writer key;

    key_init(copies, VERIFY_BROKER, "meta", &key);
    bytes_put_u8(&key, BROKER_META_FORMAT);
    row_get(&key);
    row.value[7] = 2;
    row_put();
}

static void
name_no_segment(struct copies *copies)
{
    struct bytes_writer key;

    key_init(copies, VERIFY_BROKER, "meta", &key);
    bytes_put_u8(&key, BROKER_META_SEGMENT);
    bytes_put_u8(&key, 0xff); /* letters that do not follow */
    row.key_bytes = key.used;
    row.bytes = 0;
    row_put();
}

static void
cut_producer(struct copies *copies)
{
    struct bytes_writer key;

    key_init(copies, VERIFY_BROKER, "meta", &key);
    bytes_put_u8(&key, BROKER_META_SEQS);
    bytes_put_text(&key, "payments");
    bytes_put_u16(&key, 0);
    bytes_put_text(&key, "payment");
    row_get(&key);
    row.bytes--;
    row_put();
}

/* ---- rows of a participant's own ---- */

static void
get_stream(struct copies *copies, const char *direction, const char *topic)
{
    struct bytes_writer key;

    key_init(copies, VERIFY_LEDGER, "participant", &key);
    stream_key(&key, direction, topic);
    row_get(&key);
}

static void
cut_position(struct copies *copies)
{
    get_stream(copies, "in", "payments");
    row.bytes--;
    row_put();
}

static void
copy_to_no_stream(const char *direction)
{
    struct bytes_writer key;

    bytes_writer_init(&key, row.key, sizeof row.key);
    stream_key(&key, direction, "nothing");
    row.key_bytes = key.used;
    row_put();
}

static void
read_no_stream(struct copies *copies)
{
    get_stream(copies, "in", "payments");
    copy_to_no_stream("in");
}

static void
write_no_stream(struct copies *copies)
{
    get_stream(copies, "out", "transactions");
    copy_to_no_stream("out");
}

static void
park_nothing(struct copies *copies)
{
    struct bytes_writer key;

    key_init(copies, VERIFY_PAYMENT, "parked", &key);
    bytes_put_u64(&key, 1);
    row.key_bytes = key.used;
    row.value[0] = 1;
    row.bytes = 1;
    row_put();
}

/* What waits is told with the next seq: its own is nowhere. */
static void
skip_a_seq(struct copies *copies)
{
    row.store = copies->input.directories[VERIFY_GATEWAY];
    row.table = "outbox";
    row.bytes = verify_world_get(row.store, row.table, NULL, 0, row.key,
                                 &row.key_bytes, row.value, sizeof row.value);
    verify_world_put(row.store, row.table, row.key, row.key_bytes, NULL, 0);
    row.key[row.key_bytes - 1]++;
    row_put();
}

/* ---- all ---- */

static const struct {
    const char *words;
    enum verify_check check;
    void (*inflict)(struct copies *copies);
} damages[] = {
    { "order 1: its OrderPurchase was told twice", CHECK_GATEWAY_ORDERS,
      tell_purchase_twice },
    { "what was told before makes it", CHECK_PAYMENT_TOLD, tell_balance },
    { "order 3: declined as a conflict, but there is one OrderPurchase",
      CHECK_PAYMENT_ORDERS, tell_conflict },
    { "order 7: declined, though its user had credit", CHECK_PAYMENT_ORDERS,
      tell_no_credit },
    { "user 2: was opened twice", CHECK_PAYMENT_SUMS, tell_opened_twice },
    { "order 5: two transactions, ", CHECK_LEDGER_ORDERS,
      tell_two_transactions },
    { "payments/0: an event of the type OrderCancel, at offset 0",
      CHECK_LOG_EVENTS, tell_elsewhere },
    { "order 1: its row says quantity=3, its OrderPurchase 1",
      CHECK_GATEWAY_ORDERS, change_quantity },
    { "order 1: was booked twice", CHECK_LEDGER_ORDERS, book_twice },
    { "is of transaction 67, not 3", CHECK_LEDGER_ORDERS,
      book_another_reversal },
    { "transaction 66 follows 1", CHECK_LEDGER_ENTRIES, skip_a_transaction },
    { "user 1: more than there is money", CHECK_LEDGER_BALANCES,
      owe_too_much },
    { "a balance of no account that there is", CHECK_LEDGER_BALANCES,
      keep_no_account },
    { "whose events go elsewhere", CHECK_LOG_EVENTS, have_two_partitions },
    { "ledger: has 1 partitions, the broker has 2", CHECK_POSITIONS,
      have_two_partitions },
    { "a segment's row can't be read", CHECK_LOG_OFFSETS, name_no_segment },
    { "payments/0: a producer's row can't be read", CHECK_LOG_SEQS,
      cut_producer },
    { "ledger: a position in nothing/0, which is no stream of ours",
      CHECK_POSITIONS, read_no_stream },
    { "ledger: its row of payments/0 ends too soon", CHECK_SEEN,
      cut_position },
    { "ledger: a seq in nothing/0, which is no stream of ours", CHECK_OUTBOX,
      write_no_stream },
    { "payment: a parked event that can't be read", CHECK_SEEN,
      park_nothing },
    { "are neither in the log nor in the outbox", CHECK_OUTBOX, skip_a_seq },
};

static bool
is_told(const struct verify_result *result, const char *words)
{
    for (uint64_t i = 0; i < result->differences && i < VERIFY_SHOWN_MAX; i++)
        if (strstr(result->shown[i], words) != NULL)
            return true;
    return false;
}

static void
test_verify_each_difference_is_told_by_its_words(void **state)
{
    struct copies copies;
    uint32_t missing = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(damages); i++) {
        copies_make(&copies);
        damages[i].inflict(&copies);
        verify_now(&copies);
        if (!is_told(&copies.report.results[damages[i].check],
                     damages[i].words)) {
            fprintf(stderr, "not told: %s\n", damages[i].words);
            verify_report_print(&copies.report, stderr);
            missing++;
        }
        copies_fini(&copies);
    }
    assert_int_equal(missing, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verify_each_difference_is_told_by_its_words),
    };

    return cmocka_run_group_tests(tests, verify_copies_setup,
                                  verify_copies_teardown);
}
