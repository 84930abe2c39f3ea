/* Rows of our own that are of another version, cut short, longer or not what
 * they can be: each is told, and nothing goes on over it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "../support/accounts_world.h"
#include "../support/gateway_world.h"
#include "../support/said.h"
#include "../support/store_rig.h"
#include "../support/verify_world.h"
#include "broker/consumer_table.h"
#include "broker/producer_table.h"
#include "saga/participant_state.h"

#define ROW_BYTES_MAX 65536
#define MUCH_LONGER_BYTES 4000 /* than any reader has room for */
#define TRACEPARENT "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

/* ---- payment: a participant that has published, waits and has parked ---- */

static struct accounts_world *accounts;

static const char *
payment_make(void)
{
    accounts = accounts_world_new();
    actor_start(accounts, PAYMENT);
    send_opened(accounts, 1, 100000);
    settle(accounts);
    fake_broker_append_raw(accounts->broker, "orders", 0, "gateway", 2, 1,
                           "\x93\x01\x02\x03", 4);
    settle(accounts);
    actor_stop(accounts, PAYMENT);
    actor_start_mute(accounts, PAYMENT);
    for (uint64_t order = 1; order <= 3; order++) {
        send_purchase(accounts, order, 1, 5000); /* a row of the outbox each */
        settle(accounts);
    }
    actor_stop(accounts, PAYMENT);
    return accounts->directory[PAYMENT];
}

static enum rc
payment_again(void)
{
    struct participant *participant;
    struct bus *bus = fake_bus_new(accounts->broker, "payment");
    enum rc rc = payment_new(&accounts->payment, &accounts->config[PAYMENT]);

    if (rc == RC_OK)
        rc = participant_open_over(&participant, &accounts->config[PAYMENT],
                                   accounts->directory[PAYMENT], &bus,
                                   &payment_handlers, accounts->payment, -1,
                                   -1);
    for (int turns = 0; turns < 4 && rc == RC_OK; turns++)
        rc = participant_turn(participant, 0);
    assert_int_equal(participant_close(&participant), RC_OK);
    payment_destroy(&accounts->payment);
    return rc;
}

static void
payment_end(void)
{
    accounts_world_destroy(&accounts);
}

/* ---- a gateway with one order, that came with a key and a trace ---- */

static struct gateway_world gateway;

static void
order_init(struct request *request)
{
    *request = (struct request){ .kind = REQUEST_ORDER_PLACE,
                                 .user = { 1 },
                                 .product = { 1 },
                                 .quantity = 1,
                                 .key = "k",
                                 .traceparent = TRACEPARENT };
}

/* Of payment's, about the order. */
static void
send_letter(uint64_t attempts)
{
    struct event event;

    event_init(&event, EVENT_DEAD_LETTER);
    snprintf(event.topic_name, sizeof event.topic_name, "orders");
    snprintf(event.participant, sizeof event.participant, "payment");
    snprintf(event.cause, sizeof event.cause, "refused");
    event.attempts = attempts;
    event.blob = (struct event_blob){ (const uint8_t *)"x", 1 };
    event.order.value = 1;
    event.present |= EVENT_HAS(FIELD_ORDER_ID);
    fake_broker_send(gateway.broker, "dead-letters", "payment", &event);
}

static const char *
gateway_make(void)
{
    struct request place;

    world_init(&gateway);
    assert_int_equal(world_open(&gateway), RC_OK);
    world_settle(&gateway);
    order_init(&place);
    world_ask(&gateway, &place);
    assert_int_equal(place.outcome, REQUEST_DONE);
    send_letter(1);
    world_settle(&gateway);
    world_close(&gateway);
    return gateway.directory;
}

/* Hears that the order is still parked, asks for it, and posts it once more. */
static enum rc
gateway_again(void)
{
    struct request place, get = { .kind = REQUEST_ORDER_GET,
                                  .order_id = { 1 },
                                  .next = &place };
    enum rc rc = world_open(&gateway);

    order_init(&place);
    if (rc != RC_OK)
        return rc;
    send_letter(2);
    mailbox_post(gateway.requests, &get, &place);
    rc = participant_turn(gateway.participant, 0);
    (void)mailbox_take(gateway.answers);
    return rc;
}

static void
gateway_end(void)
{
    world_fini(&gateway);
}

/* ---- what the broker knows of a producer and a consumer ---- */

static struct store_rig broker;

static void
broker_put(struct store_table *meta, enum broker_meta_kind kind)
{
    struct broker_meta_bytes key, value;
    const struct producer_seqs seqs = { .last_seq = 0 };

    broker_meta_key(&key, kind);
    broker_meta_value(&value);
    if (kind == BROKER_META_POSITION) {
        bytes_put_text(&key.writer, "c");
        bytes_put_text(&key.writer, "orders");
        bytes_put_u16(&key.writer, 0);
        bytes_put_u64(&value.writer, 1);
    } else if (kind == BROKER_META_PRODUCER) {
        bytes_put_text(&key.writer, "p");
        bytes_put_u32(&value.writer, 1);
        bytes_put_u64(&value.writer, 3);
        bytes_put_u64(&value.writer, 7);
    } else {
        bytes_put_text(&key.writer, "orders");
        bytes_put_u16(&key.writer, 0);
        bytes_put_text(&key.writer, "p");
        producer_seqs_put(&value.writer, &seqs);
    }
    assert_int_equal(broker_meta_put(meta, &key, &value), RC_OK);
}

static const char *
broker_make(void)
{
    struct store_table *meta;
    uint32_t partitions;

    store_rig_init(&broker, NULL);
    store_rig_open(&broker);
    assert_int_equal(broker_meta_open(broker.store, 1, &meta, &partitions),
                     RC_OK);
    assert_int_equal(store_begin(broker.store), RC_OK);
    broker_put(meta, BROKER_META_POSITION);
    broker_put(meta, BROKER_META_PRODUCER);
    broker_put(meta, BROKER_META_SEQS);
    assert_int_equal(store_commit(broker.store), RC_OK);
    store_rig_close(&broker);
    return broker.directory;
}

static enum rc
broker_again(void)
{
    struct producer_table producers;
    struct consumer_table consumers;
    struct topic_table *topics;
    struct store_table *meta;
    uint32_t partitions;
    char words[200];
    enum rc rc;

    producer_table_init(&producers, 4);
    consumer_table_init(&consumers, 4);
    rc = topic_table_new(&topics, "", 1, words, sizeof words);
    store_rig_open(&broker);
    if (rc == RC_OK)
        rc = broker_meta_open(broker.store, 1, &meta, &partitions);
    if (rc == RC_OK)
        rc = producer_table_load(&producers, meta, topics);
    if (rc == RC_OK)
        rc = consumer_table_load(&consumers, meta, topics);
    producer_table_fini(&producers);
    consumer_table_fini(&consumers);
    assert_int_equal(topic_table_destroy(&topics), RC_OK);
    store_rig_close(&broker);
    return rc;
}

static void
broker_end(void)
{
    store_rig_fini(&broker);
}

/* ---- damage ---- */

static const struct host {
    const char *(*make)(void); /* a closed store; its directory */
    enum rc (*again)(void);    /* opens it, and reads what is there */
    void (*end)(void);
} payment_host = { payment_make, payment_again, payment_end },
  gateway_host = { gateway_make, gateway_again, gateway_end },
  broker_host = { broker_make, broker_again, broker_end };

enum form {
    SOUND,
    VERSION, /* the first octet is one more    */
    CUT,     /* to `at` octets, 0: to one less */
    LONGER,  /* by one octet, and by many      */
    SET,     /* the octet `at` is `to`         */
    GONE,
};

struct victim {
    const struct host *host;
    const char *table;
    const char *key; /* NULL: of the first row */
    size_t key_bytes;
    enum form form;
    uint8_t at, to;
    enum rc rc;
    const char *words; /* of a log line */
};

#define KEY(literal) (literal), sizeof(literal) - 1
#define FIRST_ROW NULL, 0
#define PARTICIPANT &payment_host, "participant"
#define OUTBOX &payment_host, "outbox"
#define PARKED &payment_host, "parked"
#define IDENTITY PARTICIPANT, KEY("store")
#define CURRENCY PARTICIPANT, KEY("currency")
#define STARTS PARTICIPANT, KEY("starts")
#define LAST_PARKED PARTICIPANT, KEY("parked")
#define IN PARTICIPANT, KEY("\2in\6orders\0\0")
#define OUT PARTICIPANT, KEY("\3out\10payments\0\0")
#define WAITS_2 OUTBOX, KEY("\10payments\0\0\0\0\0\0\0\0\0\2")
#define WAITS_3 OUTBOX, KEY("\10payments\0\0\0\0\0\0\0\0\0\3")
#define CHANGES &gateway_host, "changes", FIRST_ROW
#define PARKED_ORDERS &gateway_host, "parked_orders", FIRST_ROW
#define KEYS &gateway_host, "keys", KEY("k")
#define TRACES &gateway_host, "traces", KEY("\0\0\0\0\0\0\0\1")
#define POSITION &broker_host, "meta", KEY("C\1c\6orders\0\0")
#define PRODUCER &broker_host, "meta", KEY("E\1p")
#define SEQS &broker_host, "meta", KEY("Q\6orders\0\0\1p")

static const struct victim victims[] = {
    { IDENTITY, VERSION, 0, 0, RC_MALFORMED, "event=store_format" },
    { IDENTITY, CUT, 0, 0, RC_DAMAGED, "event=row_damaged table=participant" },
    { IDENTITY, LONGER, 0, 0, RC_DAMAGED,
      "event=row_damaged table=participant" },
    { STARTS, VERSION, 0, 0, RC_DAMAGED,
      "event=row_damaged table=participant key=starts" },
    { STARTS, CUT, 0, 0, RC_DAMAGED,
      "event=row_damaged table=participant key=starts" },
    { STARTS, LONGER, 0, 0, RC_DAMAGED,
      "event=row_damaged table=participant key=starts" },
    { STARTS, SET, 8, 0, RC_DAMAGED,
      "event=row_damaged table=participant key=starts" },
    { STARTS, GONE, 0, 0, RC_OK, "" },
    { LAST_PARKED, VERSION, 0, 0, RC_DAMAGED,
      "event=row_damaged table=participant key=parked" },
    { LAST_PARKED, CUT, 0, 0, RC_DAMAGED,
      "event=row_damaged table=participant key=parked" },
    { LAST_PARKED, LONGER, 0, 0, RC_DAMAGED,
      "event=row_damaged table=participant key=parked" },
    { LAST_PARKED, SET, 8, 0, RC_DAMAGED,
      "event=row_damaged table=participant key=parked" },
    { LAST_PARKED, GONE, 0, 0, RC_OK, "" },
    { CURRENCY, CUT, 0, 0, RC_MALFORMED, "event=currency_changed" },
    { CURRENCY, LONGER, 0, 0, RC_DAMAGED,
      "event=row_damaged table=participant key=currency" },
    { IN, VERSION, 0, 0, RC_DAMAGED, "event=inbox_damaged topic=orders" },
    { IN, CUT, 0, 0, RC_DAMAGED, "event=inbox_damaged topic=orders" },
    { IN, LONGER, 0, 0, RC_DAMAGED, "event=inbox_damaged topic=orders" },
    /* More producers than there can be. */
    { IN, SET, 9, 0xff, RC_DAMAGED, "event=inbox_damaged topic=orders" },
    { OUT, VERSION, 0, 0, RC_DAMAGED, "event=outbox_damaged topic=payments" },
    { OUT, CUT, 0, 0, RC_DAMAGED, "event=outbox_damaged topic=payments" },
    { OUT, LONGER, 0, 0, RC_DAMAGED, "event=outbox_damaged topic=payments" },
    /* The next seq is none, or one that waits already. */
    { OUT, SET, 8, 0, RC_DAMAGED, "event=outbox_damaged topic=payments" },
    { OUT, SET, 8, 1, RC_DAMAGED, "event=outbox_damaged topic=payments" },
    { WAITS_2, CUT, 3, 0, RC_DAMAGED,
      "event=outbox_damaged topic=payments partition=0 seq=2" },
    /* It says that it holds no event. */
    { WAITS_2, SET, 3, 0, RC_DAMAGED,
      "event=outbox_damaged topic=payments partition=0 seq=2" },
    { WAITS_3, GONE, 0, 0, RC_DAMAGED,
      "event=outbox_damaged topic=payments partition=0 seq=3 why=missing" },
    { PARKED, FIRST_ROW, VERSION, 0, 0, RC_DAMAGED,
      "event=row_damaged table=parked" },
    { PARKED, FIRST_ROW, CUT, 40, 0, RC_DAMAGED,
      "event=row_damaged table=parked" },

    { CHANGES, VERSION, 0, 0, RC_DAMAGED, "event=row_damaged table=changes" },
    { CHANGES, CUT, 0, 0, RC_DAMAGED, "event=row_damaged table=changes" },
    { CHANGES, LONGER, 0, 0, RC_DAMAGED, "event=row_damaged table=changes" },
    /* A change of nothing that there is. */
    { CHANGES, SET, 1, 9, RC_DAMAGED, "event=row_damaged table=changes" },
    { CHANGES, SET, 8, 0, RC_DAMAGED, "event=row_damaged table=changes" },
    { PARKED_ORDERS, CUT, 3, 0, RC_DAMAGED,
      "event=row_damaged table=parked_orders order=1" },
    { PARKED_ORDERS, LONGER, 0, 0, RC_DAMAGED,
      "event=row_damaged table=parked_orders order=1" },
    { KEYS, VERSION, 0, 0, RC_DAMAGED,
      "table=keys words=\"not an order's id\"" },
    { KEYS, CUT, 0, 0, RC_DAMAGED, "table=keys words=\"not an order's id\"" },
    { KEYS, LONGER, 0, 0, RC_DAMAGED, "table=keys words=\"too long\"" },
    { KEYS, SET, 8, 77, RC_DAMAGED,
      "table=keys words=\"of an order that is not there\"" },
    { TRACES, VERSION, 0, 0, RC_DAMAGED, "event=row_damaged table=traces" },
    { TRACES, CUT, 0, 0, RC_DAMAGED, "event=row_damaged table=traces" },
    { TRACES, LONGER, 0, 0, RC_DAMAGED, "event=row_damaged table=traces" },
    { TRACES, SET, 9, 'X', RC_DAMAGED, "event=row_damaged table=traces" },

    { POSITION, CUT, 0, 0, RC_DAMAGED, "event=meta_damaged row=position" },
    { POSITION, LONGER, 0, 0, RC_DAMAGED, "event=meta_damaged row=position" },
    { PRODUCER, CUT, 0, 0, RC_DAMAGED, "event=meta_damaged row=producer" },
    { PRODUCER, LONGER, 0, 0, RC_DAMAGED, "event=meta_damaged row=producer" },
    { PRODUCER, SET, 3, 0, RC_DAMAGED, "event=meta_damaged row=producer" },
    { SEQS, CUT, 0, 0, RC_DAMAGED, "event=meta_damaged row=seqs" },
    { SEQS, LONGER, 0, 0, RC_DAMAGED, "event=meta_damaged row=seqs" },
};

static void
inflict(const char *directory, const struct victim *victim, size_t longer)
{
    static uint8_t value[ROW_BYTES_MAX];
    uint8_t key[STORE_KEY_BYTES_MAX];
    size_t key_bytes, bytes;

    bytes = verify_world_get(directory, victim->table, victim->key,
                             victim->key_bytes, key, &key_bytes, value,
                             sizeof value - MUCH_LONGER_BYTES);
    if (victim->key != NULL) {
        assert_int_equal(key_bytes, victim->key_bytes);
        assert_memory_equal(key, victim->key, key_bytes);
    }
    if (victim->form == VERSION)
        value[0]++;
    if (victim->form == CUT)
        bytes = victim->at != 0 ? victim->at : bytes - 1;
    if (victim->form == LONGER) {
        memset(value + bytes, 0, longer);
        bytes += longer;
    }
    if (victim->form == SET)
        value[victim->at] = victim->to;
    verify_world_put(directory, victim->table, key, key_bytes,
                     victim->form == GONE ? NULL : value, bytes);
}

static void
expect_told(const struct victim *victim, size_t longer)
{
    const char *directory = victim->host->make(), *said;
    enum rc rc;

    inflict(directory, victim, longer);
    said_begin();
    rc = victim->host->again();
    said = said_end();
    victim->host->end();
    if (rc != victim->rc)
        fail_msg("%s, form %d, at %d: %s\n%s", victim->words, victim->form,
                 victim->at, rc_name(rc), said);
    if (victim->words != NULL && strstr(said, victim->words) == NULL)
        fail_msg("%s, form %d, at %d: not told\n%s", victim->words,
                 victim->form, victim->at, said);
}

static void
test_damaged_rows_are_told_and_stop_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(victims); i++)
        expect_told(&victims[i], 1);
}

/* Regress 060: of some the store's word that there is no room ended the process
 * with 111, to be tried again, and no line said why. */
static void
test_damaged_rows_060_much_too_long_ones_are_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(victims); i++)
        if (victims[i].form == LONGER)
            expect_told(&victims[i], MUCH_LONGER_BYTES);
}

/* What is written back as it was stops nothing. */
static void
test_damaged_rows_sound_ones_stop_nothing(void **state)
{
    static const struct victim sound[] = {
        { IDENTITY, SOUND, 0, 0, RC_OK, NULL },
        { WAITS_2, SOUND, 0, 0, RC_OK, NULL },
        { PARKED, FIRST_ROW, SOUND, 0, 0, RC_OK, NULL },
        { KEYS, SOUND, 0, 0, RC_OK, NULL },
        { TRACES, SOUND, 0, 0, RC_OK, NULL },
        { SEQS, SOUND, 0, 0, RC_OK, NULL },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(sound); i++)
        expect_told(&sound[i], 0);
}

/* A batch was acknowledged, and its row is gone from under the program. */
static void
test_damaged_rows_acknowledged_row_that_is_gone_is_told(void **state)
{
    struct participant *participant;
    struct store_table *rows;
    const char *said;
    enum rc rc = RC_OK;

    (void)state;
    accounts = accounts_world_new();
    actor_start(accounts, PAYMENT);
    settle(accounts);
    participant = accounts->participants[PAYMENT];
    rows = participant->outbox.rows;
    send_opened(accounts, 1, 100000);
    assert_int_equal(participant_turn(participant, 0), RC_OK);
    assert_int_equal(store_begin(participant->store), RC_OK);
    assert_int_equal(store_delete(rows, KEY("\10payments\0\0\0\0\0\0\0\0\0"
                                            "\1")), RC_OK);
    assert_int_equal(store_commit(participant->store), RC_OK);
    send_purchase(accounts, 1, 1, 5000);
    said_begin();
    for (int turns = 0; turns < 4 && rc == RC_OK; turns++)
        rc = participant_turn(participant, 0);
    said = said_end();
    assert_int_equal(rc, RC_DAMAGED);
    assert_non_null(strstr(said, "event=outbox_damaged topic=payments "
                                 "partition=0 seq=1 why=missing"));
    accounts_world_destroy(&accounts);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_damaged_rows_are_told_and_stop_it),
        cmocka_unit_test(test_damaged_rows_060_much_too_long_ones_are_told),
        cmocka_unit_test(test_damaged_rows_sound_ones_stop_nothing),
        cmocka_unit_test(
            test_damaged_rows_acknowledged_row_that_is_gone_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
