/* The double-entry writer as a process would run it: every answer, every
 * entry, and what it refuses to write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "../support/accounts_world.h"
#include "../support/store_rig.h"
#include "ledger/ledger_store.h"
#include "saga/log.h"
#include "saga/parking.h"

static int
setup(void **state)
{
    struct accounts_world *world = accounts_world_new();

    actor_start(world, LEDGER);
    send_changed(world, 1, ACCOUNT_CHANGE_OPENED, 10000, 10000);
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

static void
approve(struct accounts_world *world, uint64_t order, int64_t price,
        int64_t balance)
{
    send_payment(world, order, 1, PAYMENT_APPROVED, REFUSAL_NONE, price,
                 balance);
}

/* ---- a look into the ledger's store ------------------------------------- */

struct books {
    struct store *store;
    struct ledger_store *tables;
};

static struct books
books_open(struct accounts_world *world)
{
    struct books books;

    if (world->participants[LEDGER] != NULL)
        actor_stop(world, LEDGER);
    books.store = open_store(world, LEDGER);
    assert_int_equal(ledger_store_open(&books.tables, books.store), RC_OK);
    return books;
}

static void
books_close(struct books *books)
{
    ledger_store_close(&books->tables);
    assert_int_equal(store_close(&books->store), RC_OK);
}

static void
expect_balance(struct books *books, struct ledger_account account,
               uint64_t debits, uint64_t credits)
{
    struct ledger_balance balance;

    assert_int_equal(ledger_store_get_balance(books->tables, account, &balance),
                     RC_OK);
    assert_int_equal(balance.debits.low, debits);
    assert_int_equal(balance.credits.low, credits);
    assert_int_equal(balance.debits.high + balance.credits.high, 0);
}

static void
expect_entry(struct books *books, uint64_t id, enum ledger_entry_kind kind,
             uint64_t order, uint64_t transaction, struct ledger_account debit,
             struct ledger_account credit, int64_t amount)
{
    struct ledger_entry entry;

    assert_int_equal(ledger_store_get_entry(books->tables, id, &entry), RC_OK);
    assert_int_equal(entry.kind, kind);
    assert_int_equal(entry.order.value, order);
    assert_int_equal(entry.transaction.value, transaction);
    assert_int_equal(entry.count, 2);
    assert_int_equal(ledger_account_key(entry.postings[0].account),
                     ledger_account_key(debit));
    assert_int_equal(entry.postings[0].side, LEDGER_DEBIT);
    assert_int_equal(entry.postings[0].amount.minor, amount);
    assert_int_equal(ledger_account_key(entry.postings[1].account),
                     ledger_account_key(credit));
    assert_int_equal(entry.postings[1].side, LEDGER_CREDIT);
    assert_int_equal(entry.postings[1].amount.minor, amount);
}

static void
expect_entries(struct books *books, uint64_t count)
{
    struct ledger_entry entry;
    struct ledger_balance sum;

    if (count > 0)
        assert_int_equal(ledger_store_get_entry(books->tables, count, &entry),
                         RC_OK);
    assert_int_equal(ledger_store_get_entry(books->tables, count + 1, &entry),
                     RC_NOT_FOUND);
    assert_int_equal(ledger_store_sum(books->tables, &sum), RC_OK);
    assert_true(ledger_total_equal(&sum.debits, &sum.credits));
}

/* More entries than one row of the journal holds. */
static void
test_ledger_large_turn_is_cut_into_rows(void **state)
{
    struct accounts_world *world = *state;
    struct books books = books_open(world);
    struct ledger_entry entry;
    int i;

    assert_int_equal(store_begin(books.store), RC_OK);
    for (i = 0; i < 2000; i++) {
        assert_int_equal(ledger_entry_build_transfer(
                             &entry, LEDGER_ENTRY_PURCHASE,
                             ledger_account_user((struct user_id){ 1 }),
                             ledger_account_merchant(), (struct money){ 1 }),
                         LEDGER_FAULT_NONE);
        entry.order.value = (uint64_t)i + 1;
        ledger_store_number(books.tables, &entry);
        assert_int_equal(ledger_store_append(books.tables, &entry), RC_OK);
    }
    assert_int_equal(ledger_store_write(books.tables), RC_OK);
    assert_int_equal(store_commit(books.store), RC_OK);
    for (i = 0; i < 2000; i++) {
        assert_int_equal(ledger_store_get_entry(books.tables,
                                                (uint64_t)i + 2, &entry),
                         RC_OK);
        assert_int_equal(entry.id, i + 2);
        assert_int_equal(entry.order.value, i + 1);
        assert_int_equal(entry.transaction.value, i + 1);
    }
    books_close(&books);
    books = books_open(world);
    expect_entries(&books, 2001);
    entry.kind = LEDGER_ENTRY_PURCHASE;
    ledger_store_number(books.tables, &entry);
    assert_int_equal(entry.id, 2002);
    assert_int_equal(entry.transaction.value, 2001);
    books_close(&books);
}

static const struct ledger_account user_1 = { LEDGER_USER, 1 };
static const struct ledger_account funding = { LEDGER_FUNDING, 1 };
static const struct ledger_account merchant = { LEDGER_MERCHANT, 1 };

/* ---- what is booked, and how -------------------------------------------- */

static void
test_ledger_books_each_business_event(void **state)
{
    struct accounts_world *world = *state;
    struct books books;

    send_changed(world, 1, ACCOUNT_CHANGE_CREDITED, 2500, 12500);
    send_changed(world, 1, ACCOUNT_CHANGE_FROZEN, 0, 12500);
    send_changed(world, 1, ACCOUNT_CHANGE_THAWED, 0, 12500);
    send_changed(world, 1, ACCOUNT_CHANGE_REFUSED, 7, 12500);
    send_changed(world, 2, ACCOUNT_CHANGE_OPENED, 0, 0);
    approve(world, 11, 5000, 7500);
    send_payment(world, 12, 1, PAYMENT_DECLINED, REFUSAL_CREDIT, 9000, 7500);
    approve(world, 13, 7500, 0);
    send_payment(world, 11, 1, PAYMENT_REFUNDED, REFUSAL_CANCELLED, 5000,
                 5000);
    settle(world);
    expect_transaction(world, 4, 11, TRANSACTION_REVERSED, REFUSAL_CANCELLED,
                       1);
    books = books_open(world);
    expect_entries(&books, 5);
    expect_entry(&books, 1, LEDGER_ENTRY_OPENING, 0, 0, funding, user_1,
                 10000);
    expect_entry(&books, 2, LEDGER_ENTRY_CREDIT, 0, 0, funding, user_1, 2500);
    expect_entry(&books, 3, LEDGER_ENTRY_PURCHASE, 11, 1, user_1, merchant,
                 5000);
    expect_entry(&books, 4, LEDGER_ENTRY_PURCHASE, 13, 2, user_1, merchant,
                 7500);
    expect_entry(&books, 5, LEDGER_ENTRY_REVERSAL, 11, 1, merchant, user_1,
                 5000);
    expect_balance(&books, funding, 12500, 0);
    expect_balance(&books, merchant, 5000, 12500);
    expect_balance(&books, user_1, 12500, 17500);
    books_close(&books);
}

static void
test_ledger_answers_carry_what_was_decided(void **state)
{
    struct accounts_world *world = *state;
    struct event event;

    approve(world, 11, 5000, 5000);
    send_payment(world, 12, 1, PAYMENT_DECLINED, REFUSAL_CREDIT, 9000, 5000);
    settle(world);
    expect_transaction(world, 2, 12, TRANSACTION_UNSUCCESSFUL, REFUSAL_CREDIT,
                       0);
    event = sent_event(world, "transactions", 0);
    assert_int_equal(event.transaction_status, TRANSACTION_SUCCESSFUL);
    assert_int_equal(event.transaction.value, 1);
    assert_int_equal(event.order.value, 11);
    assert_int_equal(event.user.value, 1);
    assert_int_equal(event.price.minor, 5000);
    assert_int_equal(event.decided_us, 1000011);
    assert_int_equal(event.present & EVENT_HAS(FIELD_REASON), 0);
    assert_string_equal(event.traceparent,
                        "00-0000000000000000000000000000000b-"
                        "0000000000000001-01");
    event = sent_event(world, "transactions", 1);
    assert_int_equal(event.decided_us, 1000012);
    assert_int_equal(event.price.minor, 9000);
}

static void
test_ledger_answers_an_order_once(void **state)
{
    struct accounts_world *world = *state;
    struct books books;

    approve(world, 11, 5000, 5000);
    approve(world, 11, 5000, 5000);
    send_payment(world, 12, 1, PAYMENT_DECLINED, REFUSAL_CREDIT, 9000, 5000);
    send_payment(world, 12, 1, PAYMENT_DECLINED, REFUSAL_CREDIT, 9000, 5000);
    settle(world);
    assert_int_equal(sent_count(world, "transactions"), 2);
    send_payment(world, 11, 1, PAYMENT_REFUNDED, REFUSAL_TIMEOUT, 5000, 10000);
    send_payment(world, 11, 1, PAYMENT_REFUNDED, REFUSAL_TIMEOUT, 5000, 10000);
    settle(world);
    expect_transaction(world, 3, 11, TRANSACTION_REVERSED, REFUSAL_TIMEOUT, 1);
    books = books_open(world);
    expect_entries(&books, 3);
    books_close(&books);
}

static void
test_ledger_leaves_a_conflicting_purchase_to_its_owner(void **state)
{
    struct accounts_world *world = *state;

    send_payment(world, 11, 1, PAYMENT_DECLINED, REFUSAL_DUPLICATE, 4000,
                 10000);
    settle(world);
    assert_int_equal(sent_count(world, "transactions"), 0);
    approve(world, 11, 5000, 5000);
    send_payment(world, 11, 1, PAYMENT_DECLINED, REFUSAL_DUPLICATE, 4000,
                 5000);
    settle(world);
    expect_transaction(world, 1, 11, TRANSACTION_SUCCESSFUL, REFUSAL_NONE, 1);
}

/* ---- the ledger's own refusal -------------------------------------------- */

static void
restart_with_limit(struct accounts_world *world, int64_t limit)
{
    if (world->participants[LEDGER] != NULL)
        actor_stop(world, LEDGER);
    world->config[LEDGER].transaction_limit.minor = limit;
    actor_start(world, LEDGER);
}

static void
expect_standing(struct books *books, uint64_t user, int64_t balance,
                int64_t awaiting)
{
    struct ledger_standing standing;

    assert_int_equal(ledger_store_get_standing(
                         books->tables, (struct user_id){ user }, &standing),
                     RC_OK);
    assert_int_equal(standing.balance.minor, balance);
    assert_int_equal(standing.awaiting.minor, awaiting);
}

/* Two refused payments of one user in flight, and everything between. */
static void
test_ledger_refuses_above_the_limit_and_awaits_the_refund(void **state)
{
    struct accounts_world *world = *state;
    struct books books;

    restart_with_limit(world, 3000);
    approve(world, 11, 3001, 6999);
    settle(world);
    expect_transaction(world, 1, 11, TRANSACTION_UNSUCCESSFUL, REFUSAL_LIMIT,
                       0);
    approve(world, 12, 3000, 3999);
    approve(world, 13, 3999, 0);
    send_changed(world, 1, ACCOUNT_CHANGE_CREDITED, 500, 500);
    send_payment(world, 14, 1, PAYMENT_DECLINED, REFUSAL_CREDIT, 900, 500);
    send_changed(world, 1, ACCOUNT_CHANGE_FROZEN, 0, 500);
    settle(world);
    assert_int_equal(sent_count(world, "transactions"), 4);
    books = books_open(world);
    expect_standing(&books, 1, 7500, 7000);
    expect_entries(&books, 3); /* opened, 12, credited */
    books_close(&books);
    restart_with_limit(world, 0); /* what was refused stays so */
    send_payment(world, 13, 1, PAYMENT_REFUNDED, REFUSAL_LIMIT, 3999, 4499);
    send_payment(world, 12, 1, PAYMENT_REFUNDED, REFUSAL_CANCELLED, 3000,
                 7499);
    send_payment(world, 11, 1, PAYMENT_REFUNDED, REFUSAL_CANCELLED, 3001,
                 10500);
    send_payment(world, 11, 1, PAYMENT_REFUNDED, REFUSAL_LIMIT, 3001, 10500);
    approve(world, 15, 3001, 7499);
    settle(world);
    expect_transaction(world, 6, 15, TRANSACTION_SUCCESSFUL, REFUSAL_NONE, 2);
    assert_int_equal(sent_event(world, "transactions", 4).transaction_status,
                     TRANSACTION_REVERSED);
    assert_int_equal(parked_count(world, LEDGER), 0);
    books = books_open(world);
    expect_standing(&books, 1, 7499, 0);
    expect_entries(&books, 5);
    books_close(&books);
}

static void
test_ledger_default_is_no_limit(void **state)
{
    struct accounts_world *world = *state;

    assert_int_equal(world->config[LEDGER].transaction_limit.minor, 0);
    send_changed(world, 1, ACCOUNT_CHANGE_CREDITED, MONEY_MINOR_MAX - 10000,
                 MONEY_MINOR_MAX);
    approve(world, 11, MONEY_MINOR_MAX, 0);
    settle(world);
    expect_transaction(world, 1, 11, TRANSACTION_SUCCESSFUL, REFUSAL_NONE, 1);
}

/* ---- what can't be written ---------------------------------------------- */

static void
test_ledger_unbalanced_entry_is_not_written(void **state)
{
    struct accounts_world *world = *state;
    struct books books = books_open(world);
    struct ledger_entry entry;

    assert_int_equal(ledger_entry_build_transfer(
                         &entry, LEDGER_ENTRY_PURCHASE, user_1, merchant,
                         (struct money){ 500 }),
                     LEDGER_FAULT_NONE);
    ledger_store_number(books.tables, &entry);
    assert_int_equal(entry.id, 2);
    assert_int_equal(entry.transaction.value, 1);
    entry.postings[1].amount.minor++; /* no builder would */
    assert_int_equal(store_begin(books.store), RC_OK);
    assert_int_equal(ledger_store_append(books.tables, &entry), RC_MALFORMED);
    assert_int_equal(ledger_store_write(books.tables), RC_OK);
    assert_int_equal(store_commit(books.store), RC_OK);
    expect_entries(&books, 1);
    expect_balance(&books, user_1, 0, 10000);
    expect_balance(&books, merchant, 0, 0);
    books_close(&books);
}

/* What was sent last is parked, and has left nothing else behind. */
static void
expect_refused(struct accounts_world *world, uint64_t entries,
               uint64_t transactions)
{
    struct books books;

    settle(world);
    assert_int_equal(parked_count(world, LEDGER), 1);
    assert_int_equal(sent_count(world, "dead-letters"), 1);
    assert_int_equal(sent_count(world, "transactions"), transactions);
    books = books_open(world);
    expect_entries(&books, entries);
    books_close(&books);
}

static void
test_ledger_approved_with_another_balance_is_refused(void **state)
{
    approve(*state, 11, 5000, 5001);
    expect_refused(*state, 1, 0);
}

static void
test_ledger_declined_with_another_balance_is_refused(void **state)
{
    send_payment(*state, 11, 1, PAYMENT_DECLINED, REFUSAL_CREDIT, 20000, 9999);
    expect_refused(*state, 1, 0);
}

static void
test_ledger_refund_of_what_was_never_seen_is_refused(void **state)
{
    send_payment(*state, 11, 1, PAYMENT_REFUNDED, REFUSAL_CANCELLED, 5000,
                 15000);
    expect_refused(*state, 1, 0);
}

static void
test_ledger_refund_of_another_price_is_refused(void **state)
{
    approve(*state, 11, 5000, 5000);
    settle(*state);
    send_payment(*state, 11, 1, PAYMENT_REFUNDED, REFUSAL_CANCELLED, 4000,
                 9000);
    expect_refused(*state, 2, 1);
}

static void
test_ledger_credit_with_another_balance_is_refused(void **state)
{
    send_changed(*state, 1, ACCOUNT_CHANGE_CREDITED, 1, 10002);
    expect_refused(*state, 1, 0);
}

static void
test_ledger_refund_of_declined_is_refused(void **state)
{
    send_payment(*state, 11, 1, PAYMENT_DECLINED, REFUSAL_CREDIT, 20000,
                 10000);
    settle(*state);
    send_payment(*state, 11, 1, PAYMENT_REFUNDED, REFUSAL_CANCELLED, 20000,
                 30000);
    expect_refused(*state, 1, 1);
}

static void
test_ledger_misplaced_event_is_refused(void **state)
{
    struct accounts_world *world = *state;
    struct event event;

    event_init(&event, EVENT_ORDER_CANCEL);
    event.order.value = 11;
    event.user.value = 1;
    event_set_reason(&event, REFUSAL_CANCELLED);
    fake_broker_send(world->broker, "payments", "payment", &event);
    expect_refused(world, 1, 0);
}

/* Nothing of the same user takes effect before the operator has looked, even
 * where the balances happen to agree again; others flow. */
static void
g6_ledger_refused_event_holds_its_user_alone(void **state)
{
    struct accounts_world *world = *state;

    send_changed(world, 2, ACCOUNT_CHANGE_OPENED, 500, 500);
    approve(world, 12, 3000, 2000);
    send_payment(world, 12, 1, PAYMENT_REFUNDED, REFUSAL_CANCELLED, 3000,
                 5000);
    send_payment(world, 12, 1, PAYMENT_REFUNDED, REFUSAL_CANCELLED, 3000,
                 10000);
    approve(world, 13, 1000, 9000);
    send_changed(world, 1, ACCOUNT_CHANGE_FROZEN, 0, 10000);
    send_payment(world, 21, 2, PAYMENT_APPROVED, REFUSAL_NONE, 100, 400);
    settle(world);
    expect_transaction(world, 1, 21, TRANSACTION_SUCCESSFUL, REFUSAL_NONE, 1);
    assert_int_equal(parked_count(world, LEDGER), 5);
    /* Refused; 13 and FROZEN behind their user; more of 12 is not told. */
    assert_int_equal(sent_count(world, "dead-letters"), 3);
    assert_string_equal(sent_event(world, "dead-letters", 0).cause, "refused");
    assert_string_equal(sent_event(world, "dead-letters", 1).cause,
                        PARKING_CAUSE_BEHIND_USER);
    assert_int_equal(sent_event(world, "dead-letters", 1).order.value, 13);
    /* Still so after a restart. */
    actor_stop(world, LEDGER);
    actor_start(world, LEDGER);
    approve(world, 14, 1000, 9000);
    settle(world);
    assert_int_equal(parked_count(world, LEDGER), 6);
}

/* ---- G1, G2 ------------------------------------------------------------- */

static void
g1_ledger_numbers_go_on_after_a_restart(void **state)
{
    struct accounts_world *world = *state;
    struct books books;

    approve(world, 11, 1000, 9000);
    settle(world);
    /* Entries that are no purchase stand last in the journal. */
    send_payment(world, 11, 1, PAYMENT_REFUNDED, REFUSAL_CANCELLED, 1000,
                 10000);
    send_changed(world, 1, ACCOUNT_CHANGE_CREDITED, 5, 10005);
    settle(world);
    actor_stop(world, LEDGER);
    actor_start(world, LEDGER);
    approve(world, 12, 5, 10000);
    settle(world);
    expect_transaction(world, 3, 12, TRANSACTION_SUCCESSFUL, REFUSAL_NONE, 2);
    books = books_open(world);
    expect_entry(&books, 5, LEDGER_ENTRY_PURCHASE, 12, 2, user_1, merchant, 5);
    expect_entries(&books, 5);
    books_close(&books);
}

static void
g2_ledger_redelivery_by_force_changes_nothing(void **state)
{
    struct accounts_world *world = *state;
    struct books books;

    approve(world, 11, 5000, 5000);
    send_payment(world, 12, 1, PAYMENT_DECLINED, REFUSAL_CREDIT, 9000, 5000);
    send_payment(world, 11, 1, PAYMENT_REFUNDED, REFUSAL_CANCELLED, 5000,
                 10000);
    settle(world);
    fake_broker_redeliver(world->broker, "payments", 0, 0);
    settle(world);
    actor_stop(world, LEDGER);
    actor_start(world, LEDGER);
    fake_broker_redeliver(world->broker, "payments", 0, 0);
    fake_broker_store_again(world->broker, "payments", 0, 1);
    fake_broker_store_again(world->broker, "payments", 0, 3);
    settle(world);
    assert_int_equal(sent_count(world, "transactions"), 3);
    books = books_open(world);
    expect_entries(&books, 3);
    expect_balance(&books, user_1, 5000, 15000);
    books_close(&books);
}

static void
g2_ledger_crash_between_commit_and_publish_says_the_same(void **state)
{
    struct accounts_world *world = *state;
    struct event event;

    actor_stop(world, LEDGER);
    actor_start_mute(world, LEDGER);
    approve(world, 11, 5000, 5000);
    send_payment(world, 12, 1, PAYMENT_DECLINED, REFUSAL_CREDIT, 9000, 5000);
    settle(world);
    assert_int_equal(sent_count(world, "transactions"), 0);
    actor_stop(world, LEDGER);
    actor_start(world, LEDGER);
    approve(world, 13, 5000, 0);
    settle(world);
    expect_transaction(world, 3, 13, TRANSACTION_SUCCESSFUL, REFUSAL_NONE, 2);
    event = sent_event(world, "transactions", 0);
    assert_int_equal(event.id, 1);
    assert_int_equal(event.order.value, 11);
    assert_int_equal(event.transaction.value, 1);
    event = sent_event(world, "transactions", 1);
    assert_int_equal(event.id, 2);
    assert_int_equal(event.order.value, 12);
    assert_int_equal(event.transaction_status, TRANSACTION_UNSUCCESSFUL);
}

/* ---- rows that can't be ------------------------------------------------- */

#define ONE "\0\0\0\0\0\0\0\1"
#define NIL "\0\0\0\0\0\0\0\0"
#define USER_1 "\3\0\0\0\0\0\0\1"
#define SHOP "\2\0\0\0\0\0\0\1"
#define ENTRY "\3" ONE ONE ONE "\2" USER_1 "\1" ONE SHOP "\2" ONE
#define ROW(text) text, sizeof(text) - 1

/* Opens the tables, or reads what the table's key 1 stands for. */
static enum rc
open_and_get(struct store *store, const char *table)
{
    struct ledger_store *tables;
    struct ledger_entry entry;
    struct ledger_order order;
    struct ledger_standing standing;
    enum rc rc = ledger_store_open(&tables, store);

    if (rc != RC_OK)
        return rc;
    if (strcmp(table, "journal") == 0)
        rc = ledger_store_get_entry(tables, 1, &entry);
    else if (strcmp(table, "orders") == 0)
        rc = ledger_store_get_order(tables, (struct order_id){ 1 }, &order);
    else
        rc = ledger_store_get_standing(tables, (struct user_id){ 1 },
                                       &standing);
    ledger_store_close(&tables);
    return rc;
}

static void
test_ledger_row_that_cannot_be_read_is_damage(void **state)
{
    static const struct {
        const char *name;
        const char *table;
        const char *row;
        size_t bytes;
        enum rc rc;
    } rows[] = {
        { "entry", "journal", ROW("\1\0\1" ONE ENTRY), RC_OK },
        { "entries", "journal", ROW("\1\0\2" ONE ENTRY ENTRY), RC_OK },
        { "entry_unbalanced", "journal",
          ROW("\1\0\1" ONE "\3" ONE ONE ONE "\2" USER_1 "\1" ONE SHOP
              "\2\0\0\0\0\0\0\0\2"),
          RC_DAMAGED },
        { "entry_one_sided", "journal",
          ROW("\1\0\1" ONE "\3" ONE ONE ONE "\2" USER_1 "\1" ONE SHOP
              "\1" ONE),
          RC_DAMAGED },
        { "entry_of_many", "journal",
          ROW("\1\0\1" ONE "\3" ONE ONE ONE "\11" USER_1 "\1" ONE SHOP
              "\2" ONE),
          RC_DAMAGED },
        { "entries_none", "journal", ROW("\1\0\0" ONE), RC_DAMAGED },
        { "entries_fewer", "journal", ROW("\1\0\2" ONE ENTRY), RC_DAMAGED },
        { "entries_more", "journal", ROW("\1\0\1" ONE ENTRY ENTRY),
          RC_DAMAGED },
        { "entries_long", "journal", ROW("\1\0\1" ONE ENTRY "!"),
          RC_DAMAGED },
        { "entries_version", "journal", ROW("\2\0\1" ONE ENTRY),
          RC_DAMAGED },
        { "order", "orders", ROW("\1\1" ONE ONE ONE ONE), RC_OK },
        { "order_returned", "orders", ROW("\1\5" ONE ONE NIL NIL), RC_OK },
        { "order_status", "orders", ROW("\1\6" ONE ONE ONE ONE), RC_DAMAGED },
        { "order_none", "orders", ROW("\1\0" ONE ONE ONE ONE), RC_DAMAGED },
        { "order_version", "orders", ROW("\2\1" ONE ONE ONE ONE), RC_DAMAGED },
        { "order_short", "orders", ROW("\1\1" ONE ONE ONE), RC_DAMAGED },
        { "balance", "balances", ROW("\1" NIL ONE NIL ONE), RC_OK },
        { "balance_awaiting", "balances", ROW("\2" NIL NIL NIL ONE ONE),
          RC_OK },
        { "balance_awaiting_more", "balances", ROW("\2" NIL ONE NIL ONE ONE),
          RC_DAMAGED },
        { "balance_long", "balances", ROW("\1" NIL ONE NIL ONE NIL),
          RC_DAMAGED },
        { "balance_below_zero", "balances", ROW("\1" NIL ONE NIL NIL),
          RC_DAMAGED },
        { "balance_version", "balances", ROW("\3" NIL ONE NIL ONE),
          RC_DAMAGED },
        { "balance_short", "balances", ROW("\1" NIL ONE NIL), RC_DAMAGED },
        { "balance_short_of_awaiting", "balances",
          ROW("\2" NIL ONE NIL ONE), RC_DAMAGED },
    };
    struct accounts_world *world = *state;
    struct store_table *table;
    struct store *store;
    const char *key;
    size_t i;

    actor_stop(world, LEDGER);
    for (i = 0; i < ARRAY_COUNT(rows); i++) {
        store = open_store(world, LEDGER);
        key = strcmp(rows[i].table, "balances") == 0 ? USER_1 : ONE;
        assert_int_equal(table_open_as_owner(store, rows[i].table, &table),
                         RC_OK);
        assert_int_equal(store_begin(store), RC_OK);
        assert_int_equal(store_put(table, key, 8, rows[i].row, rows[i].bytes),
                         RC_OK);
        assert_int_equal(store_table_close(&table), RC_OK);
        if (open_and_get(store, rows[i].table) != rows[i].rc)
            fail_msg("%s", rows[i].name);
        store_abort(store); /* the next one finds it whole again */
        assert_int_equal(store_close(&store), RC_OK);
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_ledger_books_each_business_event),
        T(test_ledger_answers_carry_what_was_decided),
        T(test_ledger_answers_an_order_once),
        T(test_ledger_leaves_a_conflicting_purchase_to_its_owner),
        T(test_ledger_refuses_above_the_limit_and_awaits_the_refund),
        T(test_ledger_default_is_no_limit),
        T(test_ledger_large_turn_is_cut_into_rows),
        T(test_ledger_unbalanced_entry_is_not_written),
        T(test_ledger_approved_with_another_balance_is_refused),
        T(test_ledger_declined_with_another_balance_is_refused),
        T(test_ledger_refund_of_what_was_never_seen_is_refused),
        T(test_ledger_refund_of_another_price_is_refused),
        T(test_ledger_credit_with_another_balance_is_refused),
        T(test_ledger_refund_of_declined_is_refused),
        T(test_ledger_misplaced_event_is_refused),
        T(g6_ledger_refused_event_holds_its_user_alone),
        T(g1_ledger_numbers_go_on_after_a_restart),
        T(g2_ledger_redelivery_by_force_changes_nothing),
        T(g2_ledger_crash_between_commit_and_publish_says_the_same),
        T(test_ledger_row_that_cannot_be_read_is_damage),
    };

    log_open("test_ledger");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
