/* Four stores as a pipeline leaves them; one row is changed, and verify says
 * which check it breaks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../support/verify_copies.h"
#include "saga/participant_park.h"

#define ROW_BYTES_MAX 65536

/* ---- damage ---- */

enum { DELETE = -100000, LAST = -1 }; /* else: the octet whose 1 is flipped */

enum key_kind {
    KEY_ID,   /* 8 octets */
    KEY_IN,   /* "in" or "out", topic, partition 0 */
    KEY_OUT,
    KEY_META, /* a letter, topic, partition 0, what follows */
    KEY_TEXT,
    KEY_FIRST,
};

struct damage {
    const char *name;
    enum verify_check check; /* that must find it */
    enum verify_store store;
    const char *table;
    enum key_kind key_kind;
    uint64_t id;
    const char *text;
    int octet;
};

#define ORDERS_LOG "topic.orders.0.00000000000000000000"
#define USER_KEY (UINT64_C(3) << 56)
#define FUNDING_KEY ((UINT64_C(1) << 56) | 1)
#define MERCHANT_KEY ((UINT64_C(2) << 56) | 1)

static const struct damage damages[] = {
    { "a batch is gone", CHECK_LOG_OFFSETS, VERIFY_BROKER, ORDERS_LOG, KEY_ID,
      5, "", DELETE },
    { "a batch has another base", CHECK_LOG_OFFSETS, VERIFY_BROKER, ORDERS_LOG,
      KEY_ID, 5, "", 7 },
    { "an event is no map", CHECK_LOG_EVENTS, VERIFY_BROKER, ORDERS_LOG,
      KEY_ID, 5, "", 44 },
    { "an event has another source", CHECK_LOG_EVENTS, VERIFY_BROKER,
      ORDERS_LOG, KEY_ID, 5, "", 23 },
    { "a batch has another seq", CHECK_LOG_SEQS, VERIFY_BROKER, ORDERS_LOG,
      KEY_ID, 5, "", 35 },
    { "a segment ends elsewhere", CHECK_LOG_OFFSETS, VERIFY_BROKER, "meta",
      KEY_META, 0, "Spayments", 7 },
    { "a producer's last seq", CHECK_LOG_SEQS, VERIFY_BROKER, "meta",
      KEY_META, 'p', "Qpayments", 7 },
    { "a producer's row is gone", CHECK_LOG_SEQS, VERIFY_BROKER, "meta",
      KEY_META, 'p', "Qpayments", DELETE },

    { "the ledger stands elsewhere", CHECK_SEEN, VERIFY_LEDGER, "participant",
      KEY_IN, 0, "payments", 8 },
    { "payment stands far behind the end", CHECK_POSITIONS, VERIFY_PAYMENT,
      "participant", KEY_IN, 0, "orders", 6 },
    { "the ledger saw another seq", CHECK_SEEN, VERIFY_LEDGER, "participant",
      KEY_IN, 0, "payments", LAST },
    { "the gateway's position is gone", CHECK_GATEWAY_STATUS, VERIFY_GATEWAY,
      "participant", KEY_IN, 0, "transactions", DELETE },
    { "payment would send other seqs", CHECK_OUTBOX, VERIFY_PAYMENT,
      "participant", KEY_OUT, 0, "payments", 7 },
    /* Regress 061 */
    { "payment knows nothing of what it sent", CHECK_OUTBOX, VERIFY_PAYMENT,
      "participant", KEY_OUT, 0, "payments", DELETE },
    { "a batch of an outbox is gone", CHECK_OUTBOX, VERIFY_GATEWAY, "outbox",
      KEY_FIRST, 0, "", DELETE },
    { "a batch of an outbox is damaged", CHECK_OUTBOX, VERIFY_GATEWAY,
      "outbox", KEY_FIRST, 0, "", 4 },

    { "a balance", CHECK_PAYMENT_LAW, VERIFY_PAYMENT, "accounts", KEY_ID, 1,
      "", 20 },
    { "an account is gone", CHECK_PAYMENT_SUMS, VERIFY_PAYMENT, "accounts",
      KEY_ID, 1, "", DELETE },
    { "an account has another user", CHECK_PAYMENT_LAW, VERIFY_PAYMENT,
      "accounts", KEY_ID, 1, "", 12 },
    { "an account is frozen", CHECK_PAYMENT_SUMS, VERIFY_PAYMENT, "accounts",
      KEY_ID, 1, "", 1 },
    { "a payment is gone", CHECK_PAYMENT_ANSWERS, VERIFY_PAYMENT, "payments",
      KEY_ID, 1, "", DELETE },
    { "a payment's price", CHECK_PAYMENT_ORDERS, VERIFY_PAYMENT, "payments",
      KEY_ID, 1, "", 18 },
    { "a payment's user", CHECK_PAYMENT_ORDERS, VERIFY_PAYMENT, "payments",
      KEY_ID, 1, "", 10 },
    { "a payment was declined, it says", CHECK_PAYMENT_ORDERS, VERIFY_PAYMENT,
      "payments", KEY_ID, 5, "", 1 },
    { "a credit is gone", CHECK_PAYMENT_CREDITS, VERIFY_PAYMENT, "credits",
      KEY_FIRST, 0, "", DELETE },
    { "a credit's amount", CHECK_PAYMENT_CREDITS, VERIFY_PAYMENT, "credits",
      KEY_FIRST, 0, "", LAST },

    { "one side of an entry", CHECK_LEDGER_ENTRIES, VERIFY_LEDGER, "journal",
      KEY_ID, 1, "", 53 },
    { "an entry's user", CHECK_LEDGER_BALANCES, VERIFY_LEDGER, "journal",
      KEY_ID, 1, "", 61 },
    { "a row of the journal is gone", CHECK_LEDGER_ENTRIES, VERIFY_LEDGER,
      "journal", KEY_FIRST, 0, "", DELETE },
    { "a row counts more transactions", CHECK_LEDGER_ENTRIES, VERIFY_LEDGER,
      "journal", KEY_FIRST, 0, "", 10 },
    { "a user's balance in the books", CHECK_LEDGER_AGREES, VERIFY_LEDGER,
      "balances", KEY_ID, USER_KEY + 1, "", 32 },
    { "what a user awaits", CHECK_LEDGER_BALANCES, VERIFY_LEDGER, "balances",
      KEY_ID, USER_KEY + 1, "", 40 },
    { "the merchant's balance", CHECK_LEDGER_BALANCES, VERIFY_LEDGER,
      "balances", KEY_ID, MERCHANT_KEY, "", 32 },
    { "the funding account is gone", CHECK_LEDGER_BALANCES, VERIFY_LEDGER,
      "balances", KEY_ID, FUNDING_KEY, "", DELETE },
    { "an answered order is gone", CHECK_LEDGER_ANSWERS, VERIFY_LEDGER,
      "orders", KEY_ID, 3, "", DELETE },
    { "a booked order is gone", CHECK_LEDGER_ORDERS, VERIFY_LEDGER, "orders",
      KEY_ID, 1, "", DELETE },
    { "a reversed order was unbooked, it says", CHECK_LEDGER_ORDERS,
      VERIFY_LEDGER, "orders", KEY_ID, 5, "", 1 },
    { "an order's price in the ledger", CHECK_LEDGER_ORDERS, VERIFY_LEDGER,
      "orders", KEY_ID, 1, "", 17 },
    { "an order's transaction in the ledger", CHECK_LEDGER_ORDERS,
      VERIFY_LEDGER, "orders", KEY_ID, 1, "", 25 },

    { "an order is gone", CHECK_GATEWAY_ORDERS, VERIFY_GATEWAY, "orders",
      KEY_ID, 1, "", DELETE },
    { "an order's quantity", CHECK_GATEWAY_ORDERS, VERIFY_GATEWAY, "orders",
      KEY_ID, 1, "", 18 },
    { "an order's price", CHECK_GATEWAY_ORDERS, VERIFY_GATEWAY, "orders",
      KEY_ID, 1, "", 26 },
    { "an order failed, it says", CHECK_GATEWAY_STATUS, VERIFY_GATEWAY,
      "orders", KEY_ID, 1, "", 35 },
    { "an order failed for another reason", CHECK_GATEWAY_STATUS,
      VERIFY_GATEWAY, "orders", KEY_ID, 3, "", 36 },
    { "a user's balance", CHECK_GATEWAY_USERS, VERIFY_GATEWAY, "users", KEY_ID,
      1, "", 9 },
    { "a user is gone", CHECK_GATEWAY_USERS, VERIFY_GATEWAY, "users", KEY_ID,
      1, "", DELETE },
    { "a transaction is gone", CHECK_GATEWAY_TRANSACTIONS, VERIFY_GATEWAY,
      "transactions", KEY_ID, 1, "", DELETE },
    { "a transaction's order", CHECK_GATEWAY_TRANSACTIONS, VERIFY_GATEWAY,
      "transactions", KEY_ID, 1, "", 8 },
    { "a key's order", CHECK_GATEWAY_KEYS, VERIFY_GATEWAY, "keys", KEY_FIRST,
      0, "", 7 },
    { "a counter", CHECK_GATEWAY_COUNTERS, VERIFY_GATEWAY, "counters",
      KEY_TEXT, 0, "counters", 8 },
    { "the counters are gone", CHECK_GATEWAY_COUNTERS, VERIFY_GATEWAY,
      "counters", KEY_TEXT, 0, "counters", DELETE },
};

/* Rows that have no form that there is. */
static const struct damage unreadable[] = {
    { "accounts", CHECK_PAYMENT_LAW, VERIFY_PAYMENT, "accounts", KEY_FIRST, 0,
      "", 0 },
    { "payments", CHECK_PAYMENT_ORDERS, VERIFY_PAYMENT, "payments", KEY_FIRST,
      0, "", 0 },
    { "credits", CHECK_PAYMENT_CREDITS, VERIFY_PAYMENT, "credits", KEY_FIRST,
      0, "", 0 },
    { "journal", CHECK_LEDGER_ENTRIES, VERIFY_LEDGER, "journal", KEY_FIRST, 0,
      "", 0 },
    { "balances", CHECK_LEDGER_BALANCES, VERIFY_LEDGER, "balances", KEY_FIRST,
      0, "", 0 },
    { "ledger's orders", CHECK_LEDGER_ORDERS, VERIFY_LEDGER, "orders",
      KEY_FIRST, 0, "", 0 },
    { "gateway's orders", CHECK_GATEWAY_ORDERS, VERIFY_GATEWAY, "orders",
      KEY_FIRST, 0, "", 0 },
    { "users", CHECK_GATEWAY_USERS, VERIFY_GATEWAY, "users", KEY_FIRST, 0, "",
      0 },
    { "transactions", CHECK_GATEWAY_TRANSACTIONS, VERIFY_GATEWAY,
      "transactions", KEY_FIRST, 0, "", 0 },
    { "keys", CHECK_GATEWAY_KEYS, VERIFY_GATEWAY, "keys", KEY_FIRST, 0, "",
      0 },
    { "positions", CHECK_POSITIONS, VERIFY_LEDGER, "participant", KEY_IN, 0,
      "payments", 0 },
    { "outbox", CHECK_OUTBOX, VERIFY_GATEWAY, "outbox", KEY_FIRST, 0, "", 3 },
    { "segments", CHECK_LOG_OFFSETS, VERIFY_BROKER, "meta", KEY_META, 0,
      "Sorders", 6 },
};

static size_t
make_key(const struct damage *damage, uint8_t *key)
{
    struct bytes_writer writer;

    bytes_writer_init(&writer, key, STORE_KEY_BYTES_MAX);
    switch (damage->key_kind) {
    case KEY_ID:
        bytes_put_u64(&writer, damage->id);
        break;
    case KEY_IN:
    case KEY_OUT:
        bytes_put_text(&writer, damage->key_kind == KEY_IN ? "in" : "out");
        bytes_put_text(&writer, damage->text);
        bytes_put_u16(&writer, 0);
        break;
    case KEY_META:
        bytes_put_u8(&writer, (uint8_t)damage->text[0]);
        bytes_put_text(&writer, damage->text + 1);
        bytes_put_u16(&writer, 0);
        if (damage->id == 'p')
            bytes_put_text(&writer, "payment");
        break;
    case KEY_TEXT:
        bytes_put(&writer, damage->text, strlen(damage->text));
        break;
    case KEY_FIRST:
        break;
    }
    assert_false(writer.failed);
    return writer.used;
}

static void
inflict(struct copies *copies, const struct damage *damage)
{
    static uint8_t value[ROW_BYTES_MAX];
    const char *store = copies->input.directories[damage->store];
    uint8_t wanted[STORE_KEY_BYTES_MAX], key[STORE_KEY_BYTES_MAX];
    size_t wanted_bytes = make_key(damage, wanted), key_bytes, bytes;

    bytes = verify_world_get(store, damage->table,
                             damage->key_kind == KEY_FIRST ? NULL : wanted,
                             wanted_bytes, key, &key_bytes, value,
                             sizeof value);
    assert_true(key_bytes >= wanted_bytes);
    assert_memory_equal(key, wanted, wanted_bytes);
    if (damage->octet == DELETE) {
        verify_world_put(store, damage->table, key, key_bytes, NULL, 0);
        return;
    }
    value[damage->octet == LAST ? bytes - 1 : (size_t)damage->octet] ^= 1;
    verify_world_put(store, damage->table, key, key_bytes, value, bytes);
}

static void
expect_found(const struct damage *damage)
{
    struct copies copies;

    copies_make(&copies);
    inflict(&copies, damage);
    verify_now(&copies);
    if (copies.report.results[damage->check].differences == 0) {
        verify_report_print(&copies.report, stderr);
        fail_msg("%s: not found", damage->name);
    }
    assert_false(verify_report_good(&copies.report));
    copies_fini(&copies);
}

static void
test_verify_untouched_finds_nothing(void **state)
{
    struct copies copies;

    (void)state;
    copies_make(&copies);
    expect_good(&copies);
    assert_int_equal(copies.report.told.open, 1);
    assert_int_equal(copies.report.told.parked, 0);
    assert_int_equal(copies.report.results[CHECK_GATEWAY_ORDERS].looked, 9);
    assert_int_equal(copies.report.results[CHECK_PAYMENT_ORDERS].looked, 8);
    for (int i = 0; i < VERIFY_CHECK_COUNT; i++) {
        assert_true(copies.report.results[i].looked > 0);
        assert_string_equal(copies.report.results[i].skipped, "");
    }
    expect_good(&copies); /* it changes nothing */
    copies_fini(&copies);
}

static void
test_verify_each_damage_is_found_by_its_check(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(damages); i++)
        expect_found(&damages[i]);
}

static void
test_verify_rows_without_form_are_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(unreadable); i++)
        expect_found(&unreadable[i]);
}

/* Two damages that keep every law of the row itself. */
static void
test_verify_a_lawful_account_is_compared_with_events(void **state)
{
    static const struct damage balance = { "", CHECK_PAYMENT_SUMS,
                                           VERIFY_PAYMENT, "accounts", KEY_ID,
                                           1, "", 20 };
    struct damage opened = balance;
    struct copies copies;

    (void)state;
    opened.octet = 28;
    copies_make(&copies);
    inflict(&copies, &balance); /* user 1 has 0, opened with 100.00: */
    inflict(&copies, &opened);  /* one more of both */
    verify_now(&copies);
    assert_int_equal(copies.report.results[CHECK_PAYMENT_LAW].differences, 0);
    assert_int_equal(copies.report.results[CHECK_PAYMENT_SUMS].differences, 1);
    copies_fini(&copies);
}

static void
test_verify_many_differences_are_counted_and_some_shown(void **state)
{
    struct verify_report report;
    char *text;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);

    (void)state;
    verify_report_init(&report);
    for (int i = 0; i < 23; i++)
        verify_differs(&report, CHECK_PAYMENT_LAW, "number %d.", i);
    verify_skip(&report, CHECK_GATEWAY_USERS, "of a reason");
    verify_skip(&report, CHECK_GATEWAY_USERS, "of another");
    verify_report_print(&report, out);
    fflush(out);
    assert_non_null(strstr(text, "BAD payment.law           number 19.\n"));
    assert_null(strstr(text, "number 20."));
    assert_non_null(strstr(text, "BAD payment.law           and 3 more\n"));
    assert_non_null(strstr(text, "skipped gateway.users         of a reason"));
    assert_non_null(strstr(text, "ok  log.offsets           batches=0\n"));
    rewind(out);
    verify_report_print_json(&report, out);
    fflush(out);
    assert_non_null(strstr(text, "\"ok\":false"));
    assert_non_null(strstr(text, "\"differences\":23"));
    fclose(out);
    free(text);
    assert_int_equal(verify_report_differences(&report), 23);
    verify_report_fini(&report);
    assert_true(verify_report_good(&report));
}

static void
test_verify_trimmed_log_skips_what_needs_it(void **state)
{
    static const struct damage first = { "", CHECK_LOG_OFFSETS, VERIFY_BROKER,
                                         "meta", KEY_META, 0, "Sorders",
                                         DELETE };
    static const struct damage payments = { "", CHECK_LOG_OFFSETS,
                                            VERIFY_BROKER, "meta", KEY_META, 0,
                                            "Spayments", DELETE };
    struct copies copies;

    (void)state;
    copies_make(&copies);
    inflict(&copies, &first);
    expect_good(&copies);
    assert_string_not_equal(
        copies.report.results[CHECK_PAYMENT_ANSWERS].skipped, "");
    assert_string_equal(copies.report.results[CHECK_PAYMENT_SUMS].skipped, "");
    inflict(&copies, &payments);
    expect_good(&copies);
    assert_string_not_equal(copies.report.results[CHECK_PAYMENT_SUMS].skipped,
                            "");
    copies_fini(&copies);
}

static int
verify_in_a_child(struct copies *copies)
{
    pid_t child = fork();
    int status;

    assert_true(child >= 0);
    if (child == 0) {
        enum rc rc = verify_run(&copies->input, &copies->report);

        _exit(rc == RC_DAMAGED && copies->report.unreadable[0] != '\0' &&
                      !verify_report_good(&copies->report)
                  ? 7
                  : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
test_verify_torn_page_is_told_and_ends_it(void **state)
{
    struct copies copies;
    char path[600];
    FILE *file;

    (void)state;
    copies_make(&copies);
    snprintf(path, sizeof path, "%s/accounts",
             copies.input.directories[VERIFY_PAYMENT]);
    file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, 4096 + 4000, SEEK_SET), 0);
    assert_int_equal(fwrite("torn", 1, 4, file), 4);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(verify_in_a_child(&copies), 7);
    copies_fini(&copies);
}

/* Regress 082: a format of the broker's store that nobody knows was passed
 * over; a row of it that is too long was called a lack of room. */
static void
test_verify_082_format_of_the_broker(void **state)
{
    static const uint8_t rows[][20] = { { 0, 0, 0, 2, 0, 0, 0, 1 },
                                        { 0, 0, 0, 1, 0, 0, 0, 0 },
                                        { 0, 0, 0, 1, 0, 0, 0, 17 },
                                        { 0, 0, 0, 1, 0, 0, 0, 1 } };
    static const size_t bytes[] = { 8, 8, 8, 20 };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct copies copies;

        copies_make(&copies);
        verify_world_put(copies.input.directories[VERIFY_BROKER], "meta",
                         (const uint8_t *)"F", 1, rows[i], bytes[i]);
        assert_int_equal(verify_in_a_child(&copies), 7);
        copies_fini(&copies);
    }
}

/* ---- stores of several moments ---- */

static void
keep(struct copies *copies, enum verify_store which, const char *from)
{
    verify_copy_store(from, copies->input.directories[which]);
}

static void
test_verify_copies_of_several_moments_agree(void **state)
{
    struct verify_world world;
    struct copies copies;

    (void)state;
    copies_open(&copies);
    verify_world_open(&world);
    verify_place_order(&world, 1, 1);
    world_close(&world.gateway);
    keep(&copies, VERIFY_GATEWAY, world.gateway.directory);
    assert_int_equal(world_open(&world.gateway), RC_OK);
    verify_world_settle(&world);
    verify_place_order(&world, 2, 1);
    verify_world_settle(&world);
    actor_stop(world.accounts, PAYMENT);
    keep(&copies, VERIFY_PAYMENT, world.accounts->directory[PAYMENT]);
    actor_start(world.accounts, PAYMENT);
    verify_place_order(&world, 3, 1);
    verify_world_settle(&world);
    actor_stop(world.accounts, LEDGER);
    keep(&copies, VERIFY_LEDGER, world.accounts->directory[LEDGER]);
    actor_start(world.accounts, LEDGER);
    verify_place_order(&world, 4, 1);
    verify_world_settle(&world);
    verify_world_stop(&world);
    keep(&copies, VERIFY_BROKER, world.broker);
    copies.input.moving = true;
    expect_good(&copies);
    assert_int_equal(copies.report.told.open, 1);
    copies.input.moving = false;
    verify_now(&copies);
    assert_true(copies.report.results[CHECK_OUTBOX].differences > 0);
    verify_world_fini(&world);
    copies_fini(&copies);
}

/* ---- what is parked ---- */

static void
drop_first_parked(struct verify_world *world)
{
    struct turn *turn = &world->accounts->participants[LEDGER]->turn;
    struct parked parked;
    uint32_t redriven;
    enum rc rc;

    turn->taken = 1;
    assert_int_equal(participant_begin(turn), RC_OK);
    assert_int_equal(parking_next(turn->participant->parking, 0, &parked),
                     RC_OK);
    rc = participant_drop(turn, parked.number, &redriven);
    assert_true(rc == RC_OK || rc == RC_REFUSED);
    assert_int_equal(participant_commit(turn), RC_OK);
}

static void
test_verify_parked_and_dropped_events_are_excused(void **state)
{
    struct verify_world world;
    struct copies copies;

    (void)state;
    for (int dropped = 0; dropped < 2; dropped++) {
        verify_world_open(&world);
        world.accounts->poisoned[LEDGER].poison = 2;
        verify_place_order(&world, 1, 1);
        /* The ledger parks the Payment of order 2. */
        verify_place_order(&world, 2, 1);
        verify_world_settle(&world);
        if (dropped)
            drop_first_parked(&world);
        verify_world_settle(&world);
        verify_world_stop(&world);
        copies_open(&copies);
        verify_world_input(&world, &copies.input);
        expect_good(&copies);
        assert_int_equal(copies.report.told.open, 1);
        assert_int_equal(copies.report.told.parked, dropped ? 0 : 1);
        copies_fini(&copies);
        verify_world_fini(&world);
    }
}

/* Bytes that no consumer could read must be parked by those that passed. */
static void
test_verify_poison_is_excused_while_it_is_parked(void **state)
{
    struct verify_world world;
    struct copies copies;

    (void)state;
    verify_world_open(&world);
    fake_broker_append_raw(world.gateway.broker, "transactions", 0, "ledger-2",
                           1, 1, "\xc1", 1);
    verify_world_settle(&world);
    verify_world_stop(&world);
    copies_open(&copies);
    verify_world_input(&world, &copies.input);
    expect_good(&copies);
    assert_int_equal(copies.report.told.parked, 2);
    copies_fini(&copies);
    verify_world_fini(&world);
}

/* ---- facts ---- */

static void
test_verify_facts_hold_every_id(void **state)
{
    struct fact_table table;
    uint64_t *row;

    (void)state;
    fact_table_init(&table, 2 * sizeof(uint64_t));
    assert_null(fact_table_find(&table, 1));
    for (uint64_t id = 1; id <= 5000; id++) {
        row = fact_table_get(&table, id * 1024);
        assert_non_null(row);
        assert_int_equal(row[1], 0);
        row[1] = id;
    }
    assert_int_equal(table.count, 5000);
    for (uint64_t id = 1; id <= 5000; id++) {
        row = fact_table_find(&table, id * 1024);
        assert_ptr_equal(row, fact_table_get(&table, id * 1024));
        assert_int_equal(row[0], id * 1024);
        assert_int_equal(row[1], id);
    }
    assert_null(fact_table_find(&table, 1));
    assert_ptr_equal(fact_table_row(&table, 0), fact_table_find(&table, 1024));
    fact_table_fini(&table);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verify_untouched_finds_nothing),
        cmocka_unit_test(test_verify_each_damage_is_found_by_its_check),
        cmocka_unit_test(test_verify_rows_without_form_are_found),
        cmocka_unit_test(test_verify_a_lawful_account_is_compared_with_events),
        cmocka_unit_test(
            test_verify_many_differences_are_counted_and_some_shown),
        cmocka_unit_test(test_verify_trimmed_log_skips_what_needs_it),
        cmocka_unit_test(test_verify_torn_page_is_told_and_ends_it),
        cmocka_unit_test(test_verify_082_format_of_the_broker),
        cmocka_unit_test(test_verify_copies_of_several_moments_agree),
        cmocka_unit_test(test_verify_parked_and_dropped_events_are_excused),
        cmocka_unit_test(test_verify_poison_is_excused_while_it_is_parked),
        cmocka_unit_test(test_verify_facts_hold_every_id),
    };

    return cmocka_run_group_tests(tests, verify_copies_setup,
                                  verify_copies_teardown);
}
