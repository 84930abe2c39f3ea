/* What goes back: cancels and the ledger's own refusals through payment and
 * ledger together, and what waits when an event can't be handled. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "../support/accounts_reading.h"
#include "ledger/ledger_store.h"
#include "saga/log.h"

#define LIMIT 6000

static int
setup(void **state)
{
    struct accounts_world *world = accounts_world_new();

    world->config[LEDGER].transaction_limit.minor = LIMIT;
    actor_start(world, PAYMENT);
    actor_start(world, LEDGER);
    send_opened(world, 1, 10000);
    send_opened(world, 2, 500);
    settle(world);
    *state = world;
    return 0;
}

/* ---- what was said ------------------------------------------------------ */

/* The Payments of an order as letters (Approved, Declined, reFunded), or its
 * Transactions (Successful, Unsuccessful, Reversed). */
static const char *
course(const struct accounts_world *world, const char *topic, uint64_t order)
{
    static const char payments[] = { '?', 'A', 'D', 'F' };
    static const char transactions[] = { '?', 'S', 'U', 'R' };
    static char letters[32];
    size_t length = 0;
    uint64_t i;

    for (i = 0; i < sent_count(world, topic); i++) {
        struct event event = sent_event(world, topic, i);

        if (event.order.value != order || length + 1 == sizeof letters)
            continue;
        if (event.type == EVENT_PAYMENT)
            letters[length++] = payments[event.payment_status];
        else if (event.type == EVENT_TRANSACTION)
            letters[length++] = transactions[event.transaction_status];
    }
    letters[length] = '\0';
    return letters;
}

static enum refusal
last_reason(const struct accounts_world *world, uint64_t order)
{
    enum refusal reason = REFUSAL_COUNT;
    uint64_t i;

    for (i = 0; i < sent_count(world, "transactions"); i++) {
        struct event event = sent_event(world, "transactions", i);

        if (event.order.value == order)
            reason = event.reason;
    }
    return reason;
}

/* The books: what the ledger holds of a user, and how many entries it has. */
static void
expect_books(struct accounts_world *world, uint64_t user, int64_t balance,
             int64_t awaiting, uint64_t entries)
{
    struct ledger_standing standing;
    struct ledger_balance sum;
    struct ledger_entry entry;
    struct ledger_store *tables;
    struct store *store;

    if (world->participants[LEDGER] != NULL)
        actor_stop(world, LEDGER);
    store = open_store(world, LEDGER);
    assert_int_equal(ledger_store_open(&tables, store), RC_OK);
    assert_int_equal(ledger_store_get_standing(
                         tables, (struct user_id){ user }, &standing),
                     RC_OK);
    assert_int_equal(standing.balance.minor, balance);
    assert_int_equal(standing.awaiting.minor, awaiting);
    assert_int_equal(ledger_store_sum(tables, &sum), RC_OK);
    assert_true(ledger_total_equal(&sum.debits, &sum.credits));
    assert_int_equal(sum.awaiting.minor, awaiting);
    assert_int_equal(ledger_store_get_entry(tables, entries, &entry), RC_OK);
    assert_int_equal(ledger_store_get_entry(tables, entries + 1, &entry),
                     RC_NOT_FOUND);
    ledger_store_close(&tables);
    assert_int_equal(store_close(&store), RC_OK);
}

/* Everything was said right, by the naive reading; nothing waits. */
static int
teardown(void **state)
{
    struct accounts_world *world = *state;
    struct reading reading;
    int i;

    for (i = 0; i < ACTORS; i++)
        if (world->participants[i] == NULL)
            actor_start(world, (enum actor)i);
    settle(world);
    assert_int_equal(parked_count(world, PAYMENT), 0);
    assert_int_equal(parked_count(world, LEDGER), 0);
    read_orders(world, LIMIT, &reading);
    accounts_world_destroy(&world);
    return 0;
}

/* ---- every order of arrival --------------------------------------------- */

/* What happens, letter by letter: B the order's purchase, for 5000; D for
 * 9000, above the limit; X for 20000, above the credit; C a cancel, T one for
 * TIMEOUT, O one of another user; a turn of P payment alone, L the ledger
 * alone; S all settles. */
static void
play(struct accounts_world *world, const char *script, uint64_t order)
{
    for (; *script != '\0'; script++) {
        switch (*script) {
        case 'B': send_purchase(world, order, 1, 5000); break;
        case 'D': send_purchase(world, order, 1, 9000); break;
        case 'X': send_purchase(world, order, 1, 20000); break;
        case 'C': send_cancel(world, order, 1, REFUSAL_CANCELLED); break;
        case 'T': send_cancel(world, order, 1, REFUSAL_TIMEOUT); break;
        case 'O': send_cancel(world, order, 2, REFUSAL_CANCELLED); break;
        case 'P':
            assert_int_equal(participant_turn(world->participants[PAYMENT], 0),
                             RC_OK);
            break;
        case 'L':
            assert_int_equal(participant_turn(world->participants[LEDGER], 0),
                             RC_OK);
            break;
        default: settle(world); break;
        }
    }
}

static void
test_accounts_cancel_in_every_order_of_arrival(void **state)
{
    static const struct {
        const char *name, *script, *payments, *transactions;
        enum refusal reason;
        int64_t balance;
    } rows[] = {
        { "bought", "BS", "A", "S", REFUSAL_NONE, 5000 },
        { "cancelled_once_booked", "BSCS", "AF", "SR", REFUSAL_CANCELLED,
          10000 },
        { "cancelled_at_once", "BCS", "AF", "SR", REFUSAL_CANCELLED, 10000 },
        { "cancelled_before_the_ledger_looks", "BPCPS", "AF", "SR",
          REFUSAL_CANCELLED, 10000 },
        { "timed_out", "BSTS", "AF", "SR", REFUSAL_TIMEOUT, 10000 },
        { "cancelled_twice", "BSCCSCS", "AF", "SR", REFUSAL_CANCELLED,
          10000 },
        { "cancelled_then_timed_out", "BCTS", "AF", "SR", REFUSAL_CANCELLED,
          10000 },
        { "cancelled_and_bought_again", "BCSBS", "AF", "SR",
          REFUSAL_CANCELLED, 10000 },
        { "cancelled_by_another", "BSOS", "A", "S", REFUSAL_NONE, 5000 },
        { "cancelled_by_another_and_by_its_own", "BSOCS", "AF", "SR",
          REFUSAL_CANCELLED, 10000 },
        { "declined", "XS", "D", "U", REFUSAL_CREDIT, 10000 },
        { "declined_then_cancelled", "XSCS", "D", "U", REFUSAL_CREDIT,
          10000 },
        { "cancelled_first", "CBS", "D", "U", REFUSAL_CANCELLED, 10000 },
        { "timed_out_first", "TSBS", "D", "U", REFUSAL_TIMEOUT, 10000 },
        { "cancelled_first_too_dear", "CDS", "D", "U", REFUSAL_CANCELLED,
          10000 },
        { "too_dear", "DS", "AF", "U", REFUSAL_LIMIT, 10000 },
        { "too_dear_bought_again", "DSDS", "AF", "U", REFUSAL_LIMIT, 10000 },
        { "too_dear_then_cancelled", "DSCS", "AF", "U", REFUSAL_LIMIT,
          10000 },
        { "too_dear_cancelled_at_once", "DCS", "AF", "U", REFUSAL_LIMIT,
          10000 },
        { "too_dear_cancelled_while_refused", "DPLCPS", "AF", "U",
          REFUSAL_LIMIT, 10000 },
        { "too_dear_timed_out_while_refused", "DPLTPCS", "AF", "U",
          REFUSAL_LIMIT, 10000 },
    };
    struct accounts_world *world;
    size_t i;

    for (i = 0; i < ARRAY_COUNT(rows); i++) {
        struct event last;

        world = *state;
        play(world, rows[i].script, 1);
        if (strcmp(course(world, "payments", 1), rows[i].payments) != 0)
            fail_msg("%s: %s", rows[i].name, course(world, "payments", 1));
        if (strcmp(course(world, "transactions", 1),
                   rows[i].transactions) != 0)
            fail_msg("%s: %s", rows[i].name, course(world, "transactions", 1));
        if (last_reason(world, 1) != rows[i].reason)
            fail_msg("%s: %s", rows[i].name,
                     refusal_name(last_reason(world, 1)));
        last = sent_event(world, "payments", sent_count(world, "payments") - 1);
        if (last.balance.minor != rows[i].balance)
            fail_msg("%s: %ld", rows[i].name, (long)last.balance.minor);
        teardown(state);
        setup(state);
    }
}

static void
test_accounts_cancel_writes_a_reversal_entry(void **state)
{
    struct accounts_world *world = *state;

    play(world, "BSCS", 1);
    expect_transaction(world, 2, 1, TRANSACTION_REVERSED, REFUSAL_CANCELLED,
                       1);
    expect_books(world, 1, 10000, 0, 4); /* opened twice, bought, reversed */
}

/* ---- the ledger's own refusal ------------------------------------------- */

static void
test_accounts_refused_orders_in_flight_keep_the_books_exact(void **state)
{
    struct accounts_world *world = *state;

    actor_stop(world, PAYMENT); /* first nobody hears the ledger */
    send_credited(world, 1, 1, 10000);
    send_purchase(world, 1, 1, 6001);
    send_purchase(world, 2, 1, 1000);
    send_purchase(world, 3, 1, 7000);
    send_purchase(world, 4, 1, 7000); /* too much: two are in flight */
    send_frozen(world, 1);
    send_thawed(world, 1);
    send_cancel(world, 2, 1, REFUSAL_CANCELLED);
    send_purchase(world, 5, 1, 6000);
    actor_start(world, PAYMENT);
    play(world, "PPPPL", 0);
    expect_transaction(world, 6, 5, TRANSACTION_SUCCESSFUL, REFUSAL_NONE, 2);
    expect_books(world, 1, 14000, 13001, 6);
    actor_start(world, LEDGER);
    settle(world);
    expect_payment(world, 13, 3, PAYMENT_REFUNDED, REFUSAL_LIMIT, 14000);
    assert_int_equal(last_reason(world, 4), REFUSAL_CREDIT);
    assert_string_equal(course(world, "transactions", 2), "SR");
    expect_books(world, 1, 14000, 0, 6);
}

/* ---- what can't be handled ---------------------------------------------- */

/* A Payment that this version of the ledger can't handle: its user waits,
 * others don't, and the next version finds everything as if it had been
 * there from the start. */
static void
g6_accounts_poison_payment_holds_its_user_alone(void **state)
{
    struct accounts_world *world = *state;

    world->poisoned[LEDGER].poison = 50;
    send_purchase(world, 1, 1, 100);
    send_purchase(world, 50, 1, 400);
    send_purchase(world, 2, 1, 300);
    send_cancel(world, 50, 1, REFUSAL_CANCELLED);
    send_cancel(world, 1, 1, REFUSAL_TIMEOUT);
    send_purchase(world, 3, 1, 9000); /* too dear, but not known yet */
    send_credited(world, 1, 1, 7);
    send_purchase(world, 20, 2, 100);
    send_cancel(world, 20, 2, REFUSAL_CANCELLED);
    settle(world);
    assert_string_equal(course(world, "transactions", 1), "S");
    assert_string_equal(course(world, "transactions", 20), "SR");
    assert_int_equal(sent_count(world, "transactions"), 3);
    assert_int_equal(parked_count(world, LEDGER), 6);
    redrive_parked(world, LEDGER); /* it is too early */
    settle(world);
    assert_int_equal(parked_count(world, LEDGER), 6);
    world->poisoned[LEDGER].poison = 0;
    redrive_parked(world, LEDGER);
    assert_int_equal(parked_count(world, LEDGER), 0);
    settle(world);
    assert_string_equal(course(world, "transactions", 50), "SR");
    assert_string_equal(course(world, "transactions", 1), "SR");
    assert_string_equal(course(world, "transactions", 2), "S");
    assert_string_equal(course(world, "transactions", 3), "U");
    assert_string_equal(course(world, "payments", 3), "AF");
    expect_books(world, 1, 9707, 0, 10);
}

/* Bytes that can't be read tell no order and no user: the balance that the
 * next event of the user tells is what stops it. */
static void
g6_accounts_balance_stops_a_user_behind_what_cannot_be_read(void **state)
{
    struct accounts_world *world = *state;

    actor_stop(world, PAYMENT);
    fake_broker_append_raw(world->broker, "payments", 0, "payment", 3, 1,
                           "\xc1", 1);
    send_payment(world, 2, 1, PAYMENT_APPROVED, REFUSAL_NONE, 300, 9300);
    send_payment(world, 20, 2, PAYMENT_APPROVED, REFUSAL_NONE, 100, 400);
    /* By chance this agrees with the books: 10000 - 100. */
    send_payment(world, 3, 1, PAYMENT_APPROVED, REFUSAL_NONE, 100, 9900);
    settle(world);
    expect_transaction(world, 1, 20, TRANSACTION_SUCCESSFUL, REFUSAL_NONE, 1);
    assert_int_equal(parked_count(world, LEDGER), 3);
    expect_books(world, 1, 10000, 0, 3);
}

/* The ledger can only answer what payment said. */
static void
g6_accounts_answer_to_nothing_is_parked(void **state)
{
    struct accounts_world *world = *state;

    actor_stop(world, LEDGER);
    send_purchase(world, 1, 1, 5000);
    settle(world);
    send_transaction(world, 7, 1, TRANSACTION_UNSUCCESSFUL, REFUSAL_LIMIT,
                     5000);
    send_transaction(world, 1, 2, TRANSACTION_UNSUCCESSFUL, REFUSAL_LIMIT,
                     5000);
    settle(world);
    assert_int_equal(parked_count(world, PAYMENT), 2);
    assert_int_equal(sent_count(world, "dead-letters"), 2);
    assert_string_equal(course(world, "payments", 1), "A");
    /* Order 1 waits, its user does not. */
    send_purchase(world, 2, 1, 100);
    settle(world);
    expect_payment(world, 4, 2, PAYMENT_APPROVED, REFUSAL_NONE, 4900);
}

static int
teardown_unread(void **state)
{
    struct accounts_world *world = *state;

    accounts_world_destroy(&world);
    return 0;
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define FORGED(name)                                                           \
    cmocka_unit_test_setup_teardown(name, setup, teardown_unread)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_accounts_cancel_in_every_order_of_arrival),
        T(test_accounts_cancel_writes_a_reversal_entry),
        T(test_accounts_refused_orders_in_flight_keep_the_books_exact),
        T(g6_accounts_poison_payment_holds_its_user_alone),
        FORGED(g6_accounts_balance_stops_a_user_behind_what_cannot_be_read),
        FORGED(g6_accounts_answer_to_nothing_is_parked),
    };

    log_open("test_accounts_cancel");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
