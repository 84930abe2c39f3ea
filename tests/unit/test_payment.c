/* The credit decider as a process would run it: every event of both topics,
 * twice, late and across crashes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "../support/accounts_world.h"
#include "../support/said.h"
#include "../support/store_rig.h"
#include "payment/payment_store.h"
#include "saga/log.h"

static int
setup(void **state)
{
    struct accounts_world *world = accounts_world_new();

    actor_start(world, PAYMENT);
    send_opened(world, 1, 10000);
    settle(world);
    *state = world;
    return 0;
}

static int
teardown(void **state)
{
    struct accounts_world *world = *state;

    accounts_world_destroy(&world);
    return 0;
}

static struct account
stored_account(struct accounts_world *world, uint64_t user)
{
    struct store *store;
    struct payment_store *tables;
    struct account account;

    if (world->participants[PAYMENT] != NULL)
        actor_stop(world, PAYMENT);
    store = open_store(world, PAYMENT);
    assert_int_equal(payment_store_open(&tables, store), RC_OK);
    assert_int_equal(payment_store_get_account(
                         tables, (struct user_id){ user }, &account),
                     RC_OK);
    payment_store_close(&tables);
    assert_int_equal(store_close(&store), RC_OK);
    return account;
}

/* ---- accounts --------------------------------------------------------- */

static void
test_payment_account_commands_are_answered(void **state)
{
    struct accounts_world *world = *state;
    struct event event;

    expect_change(world, 1, 1, ACCOUNT_CHANGE_OPENED, REFUSAL_NONE, 10000,
                  10000);
    send_opened(world, 1, 5);
    settle(world);
    expect_change(world, 2, 1, ACCOUNT_CHANGE_REFUSED, REFUSAL_DUPLICATE, 5,
                  10000);
    send_credited(world, 77, 1, 2500);
    settle(world);
    expect_change(world, 3, 1, ACCOUNT_CHANGE_CREDITED, REFUSAL_NONE, 2500,
                  12500);
    event = sent_event(world, "payments", 2);
    assert_int_equal(event.credit.value, 77);
    send_frozen(world, 1);
    settle(world);
    expect_change(world, 4, 1, ACCOUNT_CHANGE_FROZEN, REFUSAL_NONE, 0, 12500);
    send_purchase(world, 1, 1, 100);
    settle(world);
    expect_payment(world, 5, 1, PAYMENT_DECLINED, REFUSAL_FROZEN, 12500);
    send_thawed(world, 1);
    settle(world);
    expect_change(world, 6, 1, ACCOUNT_CHANGE_THAWED, REFUSAL_NONE, 0, 12500);
    send_purchase(world, 2, 1, 100);
    settle(world);
    expect_payment(world, 7, 2, PAYMENT_APPROVED, REFUSAL_NONE, 12400);
}

static void
test_payment_commands_for_nobody_are_refused(void **state)
{
    struct accounts_world *world = *state;

    send_credited(world, 1, 9, 100);
    settle(world);
    expect_change(world, 2, 9, ACCOUNT_CHANGE_REFUSED, REFUSAL_UNKNOWN_USER,
                  100, 0);
    send_frozen(world, 9);
    settle(world);
    expect_change(world, 3, 9, ACCOUNT_CHANGE_REFUSED, REFUSAL_UNKNOWN_USER, 0,
                  0);
    send_thawed(world, 9);
    settle(world);
    expect_change(world, 4, 9, ACCOUNT_CHANGE_REFUSED, REFUSAL_UNKNOWN_USER, 0,
                  0);
    send_purchase(world, 1, 9, 100);
    settle(world);
    expect_payment(world, 5, 1, PAYMENT_DECLINED, REFUSAL_UNKNOWN_USER, 0);
    send_opened(world, 9, -1);
    settle(world);
    expect_change(world, 6, 9, ACCOUNT_CHANGE_REFUSED, REFUSAL_LIMIT, -1, 0);
    assert_false(stored_account(world, 9).exists);
}

static void
test_payment_credit_id_counts_once(void **state)
{
    struct accounts_world *world = *state;

    send_credited(world, 5, 1, 100);
    send_credited(world, 5, 1, 100);
    settle(world);
    expect_change(world, 2, 1, ACCOUNT_CHANGE_CREDITED, REFUSAL_NONE, 100,
                  10100);
    actor_stop(world, PAYMENT);
    actor_start(world, PAYMENT);
    send_credited(world, 5, 1, 100);
    send_credited(world, 5, 1, 101);
    settle(world);
    expect_change(world, 3, 1, ACCOUNT_CHANGE_REFUSED, REFUSAL_DUPLICATE, 101,
                  10100);
}

/* ---- purchases -------------------------------------------------------- */

static void
test_payment_buys_until_the_credit_ends(void **state)
{
    struct accounts_world *world = *state;
    struct event event;

    send_purchase(world, 1, 1, 5000);
    send_purchase(world, 2, 1, 5000);
    send_purchase(world, 3, 1, 5000);
    settle(world);
    expect_payment(world, 4, 3, PAYMENT_DECLINED, REFUSAL_CREDIT, 0);
    event = sent_event(world, "payments", 2);
    assert_int_equal(event.payment_status, PAYMENT_APPROVED);
    assert_int_equal(event.order.value, 2);
    assert_int_equal(event.user.value, 1);
    assert_int_equal(event.price.minor, 5000);
    assert_int_equal(event.balance.minor, 0);
    assert_int_equal(event.present & EVENT_HAS(FIELD_REASON), 0);
    assert_string_equal(event.traceparent,
                        "00-00000000000000000000000000000002-"
                        "0000000000000001-01");
}

static void
test_payment_same_order_again_is_known(void **state)
{
    struct accounts_world *world = *state;

    send_purchase(world, 1, 1, 5000);
    send_purchase(world, 1, 1, 5000);
    settle(world);
    expect_payment(world, 2, 1, PAYMENT_APPROVED, REFUSAL_NONE, 5000);
    send_purchase(world, 1, 1, 4000);
    settle(world);
    expect_payment(world, 3, 1, PAYMENT_DECLINED, REFUSAL_DUPLICATE, 5000);
    assert_int_equal(sent_event(world, "payments", 2).price.minor, 4000);
    assert_int_equal(stored_account(world, 1).paid.minor, 5000);
}

static void
test_payment_other_currency_is_declined(void **state)
{
    struct accounts_world *world = *state;
    struct event event;

    event_init(&event, EVENT_ORDER_PURCHASE);
    event.order.value = 1;
    event.user.value = 1;
    event.product.value = 1;
    event.quantity = 1;
    event.price.minor = 1;
    memcpy(event.currency, "EUR", 4);
    fake_broker_send(world->broker, "orders", "gateway", &event);
    settle(world);
    expect_payment(world, 2, 1, PAYMENT_DECLINED, REFUSAL_CURRENCY, 10000);
}

/* ---- what goes back --------------------------------------------------- */

static void
test_payment_cancel_refunds_once(void **state)
{
    struct accounts_world *world = *state;
    struct account account;

    send_purchase(world, 1, 1, 5000);
    send_cancel(world, 1, 1, REFUSAL_CANCELLED);
    settle(world);
    expect_payment(world, 3, 1, PAYMENT_REFUNDED, REFUSAL_CANCELLED, 10000);
    assert_int_equal(sent_event(world, "payments", 2).price.minor, 5000);
    send_cancel(world, 1, 1, REFUSAL_TIMEOUT);
    send_transaction(world, 1, 1, TRANSACTION_UNSUCCESSFUL, REFUSAL_LIMIT,
                     5000);
    send_transaction(world, 1, 1, TRANSACTION_REVERSED, REFUSAL_CANCELLED,
                     5000);
    settle(world);
    assert_int_equal(sent_count(world, "payments"), 3);
    account = stored_account(world, 1);
    assert_int_equal(account.balance.minor, 10000);
    assert_int_equal(account.refunded.minor, 5000);
}

static void
test_payment_cancel_before_its_purchase_is_remembered(void **state)
{
    struct accounts_world *world = *state;

    send_cancel(world, 1, 1, REFUSAL_TIMEOUT);
    settle(world);
    assert_int_equal(sent_count(world, "payments"), 1);
    actor_stop(world, PAYMENT);
    actor_start(world, PAYMENT);
    send_purchase(world, 1, 1, 5000);
    settle(world);
    expect_payment(world, 2, 1, PAYMENT_DECLINED, REFUSAL_TIMEOUT, 10000);
}

static void
test_payment_unsuccessful_transaction_gives_the_credit_back(void **state)
{
    struct accounts_world *world = *state;

    send_purchase(world, 1, 1, 5000);
    send_purchase(world, 2, 1, 9000);
    settle(world);
    send_transaction(world, 1, 1, TRANSACTION_UNSUCCESSFUL, REFUSAL_LIMIT,
                     5000);
    send_transaction(world, 2, 1, TRANSACTION_UNSUCCESSFUL, REFUSAL_CREDIT,
                     9000); /* the answer to our own refusal */
    send_transaction(world, 3, 1, TRANSACTION_UNSUCCESSFUL, REFUSAL_LIMIT,
                     5000); /* never heard of */
    settle(world);
    expect_payment(world, 4, 1, PAYMENT_REFUNDED, REFUSAL_LIMIT, 10000);
    send_transaction(world, 1, 1, TRANSACTION_UNSUCCESSFUL, REFUSAL_LIMIT,
                     5000);
    send_cancel(world, 1, 1, REFUSAL_CANCELLED);
    settle(world);
    assert_int_equal(sent_count(world, "payments"), 4);
}

static void
test_payment_successful_transaction_changes_nothing(void **state)
{
    struct accounts_world *world = *state;

    send_purchase(world, 1, 1, 5000);
    settle(world);
    send_transaction(world, 1, 1, TRANSACTION_SUCCESSFUL, REFUSAL_NONE, 5000);
    settle(world);
    assert_int_equal(sent_count(world, "payments"), 2);
    assert_int_equal(stored_account(world, 1).balance.minor, 5000);
}

/* ---- G1, G2 ----------------------------------------------------------- */

/* An event of payment's own, in the topic that it reads. */
static void
test_payment_misplaced_event_is_refused(void **state)
{
    struct accounts_world *world = *state;
    struct event event;
    const char *said;
    enum rc rc = RC_OK;

    event_init(&event, EVENT_PAYMENT);
    event.order.value = 11;
    event.user.value = 1;
    event.payment_status = PAYMENT_APPROVED;
    event.price.minor = 5000;
    event.balance.minor = 5000;
    fake_broker_send(world->broker, "orders", "gateway", &event);
    said_begin();
    for (int turns = 0; turns < 3 && rc == RC_OK; turns++)
        rc = participant_turn(world->participants[PAYMENT], 0);
    said = said_end();
    assert_int_equal(rc, RC_OK);
    assert_non_null(strstr(said, "event=event_misplaced type=Payment "
                                 "source=gateway seq=2"));
    assert_int_equal(parked_count(world, PAYMENT), 1);
    assert_string_equal(sent_event(world, "dead-letters", 0).cause, "refused");
    assert_int_equal(sent_count(world, "payments"), 1);
}

static void
g2_payment_redelivery_by_force_changes_nothing(void **state)
{
    struct accounts_world *world = *state;
    struct account before, after;

    send_purchase(world, 1, 1, 5000);
    send_credited(world, 1, 1, 70);
    send_purchase(world, 2, 1, 500);
    send_cancel(world, 2, 1, REFUSAL_CANCELLED);
    settle(world);
    send_transaction(world, 1, 1, TRANSACTION_UNSUCCESSFUL, REFUSAL_LIMIT,
                     5000);
    settle(world);
    assert_int_equal(sent_count(world, "payments"), 6);
    before = stored_account(world, 1);
    actor_start(world, PAYMENT);
    fake_broker_redeliver(world->broker, "orders", 0, 0);
    fake_broker_redeliver(world->broker, "transactions", 0, 0);
    settle(world);
    fake_broker_store_again(world->broker, "orders", 0, 1);
    fake_broker_store_again(world->broker, "transactions", 0, 0);
    settle(world);
    assert_int_equal(sent_count(world, "payments"), 6);
    after = stored_account(world, 1);
    assert_memory_equal(&before, &after, sizeof before);
}

static void
g2_payment_crash_between_commit_and_publish_says_the_same(void **state)
{
    struct accounts_world *world = *state;
    struct event event;

    actor_stop(world, PAYMENT);
    actor_start_mute(world, PAYMENT);
    send_purchase(world, 1, 1, 5000);
    send_purchase(world, 2, 1, 9000);
    settle(world);
    assert_int_equal(sent_count(world, "payments"), 1);
    actor_stop(world, PAYMENT);
    actor_start_mute(world, PAYMENT); /* and again, with more behind it */
    send_cancel(world, 1, 1, REFUSAL_CANCELLED);
    settle(world);
    actor_stop(world, PAYMENT);
    actor_start(world, PAYMENT);
    settle(world);
    expect_payment(world, 4, 1, PAYMENT_REFUNDED, REFUSAL_CANCELLED, 10000);
    event = sent_event(world, "payments", 1);
    assert_int_equal(event.id, 2);
    assert_int_equal(event.payment_status, PAYMENT_APPROVED);
    event = sent_event(world, "payments", 2);
    assert_int_equal(event.id, 3);
    assert_int_equal(event.payment_status, PAYMENT_DECLINED);
    assert_int_equal(event.balance.minor, 5000);
}

static void
g1_payment_accounts_survive_a_restart(void **state)
{
    struct accounts_world *world = *state;

    send_purchase(world, 1, 1, 5000);
    send_frozen(world, 1);
    settle(world);
    actor_stop(world, PAYMENT);
    actor_start(world, PAYMENT);
    send_purchase(world, 2, 1, 1);
    settle(world);
    expect_payment(world, 4, 2, PAYMENT_DECLINED, REFUSAL_FROZEN, 5000);
    assert_true(stored_account(world, 1).frozen);
}

/* ---- rows that can't be ----------------------------------------------- */

/* Reads what the table's key 1 stands for. */
static enum rc
get_row(struct payment_store *tables, const char *table)
{
    struct account account;
    struct payment_order order;
    struct payment_credit credit;

    if (strcmp(table, "accounts") == 0)
        return payment_store_get_account(tables, (struct user_id){ 1 },
                                         &account);
    if (strcmp(table, "payments") == 0)
        return payment_store_get_order(tables, (struct order_id){ 1 }, &order);
    return payment_store_get_credit(tables, (struct credit_id){ 1 }, &credit);
}

static enum rc
put_and_get_row(struct accounts_world *world, const char *table,
                const char *row, size_t bytes)
{
    struct store *store = open_store(world, PAYMENT);
    struct payment_store *tables;
    struct store_table *rows;
    enum rc rc;

    assert_int_equal(table_open_as_owner(store, table, &rows), RC_OK);
    assert_int_equal(store_begin(store), RC_OK);
    assert_int_equal(store_put(rows, "\0\0\0\0\0\0\0\1", 8, row, bytes),
                     RC_OK);
    assert_int_equal(store_commit(store), RC_OK);
    assert_int_equal(store_table_close(&rows), RC_OK);
    assert_int_equal(payment_store_open(&tables, store), RC_OK);
    rc = get_row(tables, table);
    payment_store_close(&tables);
    assert_int_equal(store_close(&store), RC_OK);
    return rc;
}

#define ONE "\0\0\0\0\0\0\0\1"
#define NIL "\0\0\0\0\0\0\0\0"
#define ROW(text) text, sizeof(text) - 1

static void
test_payment_row_that_cannot_be_read_is_damage(void **state)
{
    static const struct {
        const char *name;
        const char *table;
        const char *row;
        size_t bytes;
        enum rc rc;
    } rows[] = {
        { "account", "accounts", ROW("\1\0USD" ONE ONE ONE NIL NIL NIL),
          RC_OK },
        { "account_unlawful", "accounts",
          ROW("\1\0USD" ONE ONE NIL NIL NIL NIL), RC_DAMAGED },
        { "account_version", "accounts",
          ROW("\2\0USD" ONE ONE ONE NIL NIL NIL), RC_DAMAGED },
        { "account_flags", "accounts",
          ROW("\1\2USD" ONE ONE ONE NIL NIL NIL), RC_DAMAGED },
        { "account_short", "accounts", ROW("\1\0USD" ONE ONE ONE NIL NIL),
          RC_DAMAGED },
        { "payment", "payments", ROW("\1\1\0" ONE ONE "USD"), RC_OK },
        { "payment_status", "payments", ROW("\1\5\0" ONE ONE "USD"),
          RC_DAMAGED },
        { "payment_unknown", "payments", ROW("\1\0\0" ONE ONE "USD"),
          RC_DAMAGED },
        { "payment_reason", "payments", ROW("\1\2\3XXX" ONE ONE "USD"),
          RC_DAMAGED },
        { "payment_version", "payments", ROW("\2\1\0" ONE ONE "USD"),
          RC_DAMAGED },
        { "payment_long", "payments", ROW("\1\1\0" ONE ONE "USD!"),
          RC_DAMAGED },
        { "credit", "credits", ROW("\1\0" ONE ONE), RC_OK },
        { "credit_version", "credits", ROW("\2\0" ONE ONE), RC_DAMAGED },
        { "credit_short", "credits", ROW("\1\0" ONE), RC_DAMAGED },
    };
    struct accounts_world *world = *state;
    size_t i;

    actor_stop(world, PAYMENT);
    for (i = 0; i < ARRAY_COUNT(rows); i++)
        if (put_and_get_row(world, rows[i].table, rows[i].row,
                            rows[i].bytes) != rows[i].rc)
            fail_msg("%s", rows[i].name);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_payment_account_commands_are_answered),
        T(test_payment_commands_for_nobody_are_refused),
        T(test_payment_credit_id_counts_once),
        T(test_payment_buys_until_the_credit_ends),
        T(test_payment_same_order_again_is_known),
        T(test_payment_other_currency_is_declined),
        T(test_payment_cancel_refunds_once),
        T(test_payment_cancel_before_its_purchase_is_remembered),
        T(test_payment_unsuccessful_transaction_gives_the_credit_back),
        T(test_payment_successful_transaction_changes_nothing),
        T(test_payment_misplaced_event_is_refused),
        T(g2_payment_redelivery_by_force_changes_nothing),
        T(g2_payment_crash_between_commit_and_publish_says_the_same),
        T(g1_payment_accounts_survive_a_restart),
        T(test_payment_row_that_cannot_be_read_is_damage),
    };

    log_open("test_payment");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
