/* Payment and ledger together: whatever is killed, repeated or held back, the
 * money is where a naive reading of the topic `orders` says (G2, G3, G4); what
 * can't be handled waits until it can, and nothing is different then (G6). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../support/accounts_reading.h"
#include "ledger/ledger_store.h"
#include "payment/payment_store.h"
#include "saga/log.h"

#define USERS READING_USERS /* the last one never gets an account */
#define ORDERS READING_ORDERS
#define CREDITS READING_CREDITS
#define STEPS 500
#define ROUNDS 4
#define LIMIT 70

/* ---- is it so? ---------------------------------------------------------- */

static void
expect_accounts(const struct accounts_world *world,
                const struct reading *reading)
{
    struct store *store = open_store(world, PAYMENT);
    struct payment_store *tables;
    struct account account;
    uint64_t user;

    assert_int_equal(payment_store_open(&tables, store), RC_OK);
    for (user = 1; user <= USERS; user++) {
        assert_int_equal(payment_store_get_account(
                             tables, (struct user_id){ user }, &account),
                         RC_OK);
        assert_int_equal(account.exists, reading->balance[user] >= 0);
        if (account.exists)
            assert_int_equal(account.balance.minor, reading->balance[user]);
        assert_true(account_lawful(&account));
        assert_int_equal(account.frozen, reading->frozen[user]);
    }
    payment_store_close(&tables);
    assert_int_equal(store_close(&store), RC_OK);
}

/* Every balance is the sum of the journal's postings, and payment's. */
static void
expect_books(const struct accounts_world *world, const struct reading *reading)
{
    struct store *store = open_store(world, LEDGER);
    struct ledger_store *tables;
    struct ledger_entry entry;
    struct ledger_balance sum, users[USERS + 1];
    struct ledger_standing standing;
    uint64_t user, id = 0;
    uint32_t i;

    memset(users, 0, sizeof users);
    assert_int_equal(ledger_store_open(&tables, store), RC_OK);
    assert_int_equal(ledger_store_sum(tables, &sum), RC_OK);
    assert_true(ledger_total_equal(&sum.debits, &sum.credits));
    while (ledger_store_get_entry(tables, ++id, &entry) == RC_OK)
        for (i = 0; i < entry.count; i++)
            if (entry.postings[i].account.kind == LEDGER_USER)
                ledger_balance_post(&users[entry.postings[i].account.id],
                                    entry.postings[i].side,
                                    entry.postings[i].amount);
    for (user = 1; user <= USERS; user++) {
        int64_t expected = reading->balance[user];

        assert_int_equal(ledger_store_get_standing(
                             tables, (struct user_id){ user }, &standing),
                         RC_OK);
        assert_int_equal(standing.balance.minor, expected < 0 ? 0 : expected);
        assert_int_equal(standing.awaiting.minor, 0);
        assert_true(ledger_balance_standing(&users[user], &standing));
        assert_int_equal(standing.balance.minor, expected < 0 ? 0 : expected);
    }
    ledger_store_close(&tables);
    assert_int_equal(store_close(&store), RC_OK);
}

/* Each order that was bought has one answer, and one more if it was booked
 * and given back; transactions are numbered without a hole. */
static void
expect_answers(const struct accounts_world *world,
               const struct reading *reading)
{
    uint8_t answers[ORDERS + 1][TRANSACTION_STATUS_COUNT];
    uint64_t last_id = 0, last_transaction = 0, i;

    memset(answers, 0, sizeof answers);
    for (i = 0; i < sent_count(world, "transactions"); i++) {
        struct event event = sent_event(world, "transactions", i);

        if (event.id <= last_id)
            continue;
        assert_int_equal(event.id, last_id + 1);
        last_id = event.id;
        if (too_dear(reading, event.price.minor) &&
            reading->orders[event.order.value].fate != REFUSED)
            assert_int_equal(event.reason, REFUSAL_LIMIT);
        answers[event.order.value][event.transaction_status]++;
        if (event.transaction_status == TRANSACTION_SUCCESSFUL)
            assert_int_equal(event.transaction.value, ++last_transaction);
    }
    for (i = 1; i <= ORDERS; i++) {
        enum fate fate = reading->orders[i].fate;
        bool taken = fate == TAKEN || fate == GIVEN_BACK;
        bool dear = too_dear(reading, reading->orders[i].price);

        assert_false(fate == TAKEN && dear); /* it was given back */
        assert_int_equal(answers[i][TRANSACTION_SUCCESSFUL], taken && !dear);
        assert_int_equal(answers[i][TRANSACTION_UNSUCCESSFUL],
                         fate == REFUSED || (taken && dear));
        assert_int_equal(answers[i][TRANSACTION_REVERSED],
                         fate == GIVEN_BACK && !dear);
    }
}

/* ---- what happens ------------------------------------------------------- */

static void
gateway_acts(struct accounts_world *world, unsigned *seed)
{
    uint64_t order = (uint64_t)rand_r(seed) % ORDERS + 1;
    uint64_t user = (uint64_t)rand_r(seed) % USERS + 1;
    int64_t amount = rand_r(seed) % 100 + 1;

    switch (rand_r(seed) % 12) {
    case 0:
        send_opened(world, user % (USERS - 1) + 1, amount * 3);
        break;
    case 1:
        send_credited(world, (uint64_t)amount % CREDITS + 1, user, amount);
        break;
    case 2:
        send_frozen(world, user);
        break;
    case 3:
        send_thawed(world, user);
        break;
    case 4: case 5: case 6:
        send_cancel(world, order, user, amount % 2 == 0 ? REFUSAL_TIMEOUT
                                                        : REFUSAL_CANCELLED);
        break;
    default:
        send_purchase(world, order, user, amount);
        break;
    }
}

static void
restart(struct accounts_world *world, enum actor actor, bool mute)
{
    actor_stop(world, actor);
    if (mute)
        actor_start_mute(world, actor);
    else
        actor_start(world, actor);
}

static void
repeat(struct accounts_world *world, const char *topic, bool store_again)
{
    uint64_t end = sent_count(world, topic);

    if (end == 0)
        return;
    if (store_again)
        fake_broker_store_again(world->broker, topic, 0, end - 1);
    else
        fake_broker_redeliver(world->broker, topic, 0, 0);
}

static void
fate_acts(struct accounts_world *world, unsigned *seed)
{
    static const char *const topics[] = { "orders", "payments",
                                          "transactions" };
    enum actor actor = (enum actor)(rand_r(seed) % ACTORS);

    switch (rand_r(seed) % 32) {
    case 0:
        restart(world, actor, false);
        break;
    case 1:
        restart(world, actor, true);
        break;
    case 2:
        repeat(world, topics[rand_r(seed) % 3], false);
        break;
    case 3:
        repeat(world, topics[rand_r(seed) % 3], true);
        break;
    case 4:
        fake_broker_hold_acks(world->broker, rand_r(seed) % 2 == 0);
        break;
    case 5:
        fake_broker_set_down(world->broker, rand_r(seed) % 3 == 0);
        break;
    case 6:
        world->poisoned[LEDGER].poison = (uint64_t)rand_r(seed) % 6;
        break;
    case 7:
        redrive_parked(world, LEDGER);
        break;
    case 8: case 9: case 10: case 11: case 12: case 13: case 14: case 15:
        assert_int_equal(participant_turn(world->participants[actor], 0),
                         RC_OK);
        break;
    default:
        break;
    }
}

static void
run_round(unsigned *seed, int64_t limit)
{
    struct accounts_world *world = accounts_world_new();
    struct reading *reading = malloc(sizeof *reading);
    int step;

    assert_non_null(reading);
    world->config[LEDGER].transaction_limit.minor = limit;
    actor_start(world, PAYMENT);
    actor_start(world, LEDGER);
    for (step = 0; step < STEPS; step++) {
        gateway_acts(world, seed);
        fate_acts(world, seed);
    }
    fake_broker_set_down(world->broker, false);
    fake_broker_hold_acks(world->broker, false);
    restart(world, PAYMENT, false);
    restart(world, LEDGER, false);
    settle(world);
    world->poisoned[LEDGER].poison = 0;
    redrive_parked(world, LEDGER);
    assert_int_equal(parked_count(world, LEDGER), 0);
    settle(world);
    assert_int_equal(parked_count(world, PAYMENT), 0);
    actor_stop(world, PAYMENT);
    actor_stop(world, LEDGER);
    read_orders(world, limit, reading);
    expect_accounts(world, reading);
    expect_books(world, reading);
    expect_answers(world, reading);
    free(reading);
    accounts_world_destroy(&world);
}

static void
g4_money_is_where_a_naive_reading_says(void **state)
{
    const char *given = getenv("SEED");
    unsigned seed = given != NULL ? (unsigned)strtoul(given, NULL, 10) : 1;
    int round;

    (void)state;
    for (round = 0; round < ROUNDS; round++) {
        print_message("seed %u\n", seed);
        run_round(&seed, round % 2 == 0 ? LIMIT : 0);
    }
}

/* The original's scenario, in minor units. */
static void
test_accounts_three_purchases_of_fifty_with_a_hundred(void **state)
{
    struct accounts_world *world = accounts_world_new();

    (void)state;
    actor_start(world, PAYMENT);
    actor_start(world, LEDGER);
    send_opened(world, 1, 10000);
    send_purchase(world, 1, 1, 5000);
    send_purchase(world, 2, 1, 5000);
    send_purchase(world, 3, 1, 5000);
    settle(world);
    expect_payment(world, 4, 3, PAYMENT_DECLINED, REFUSAL_CREDIT, 0);
    expect_transaction(world, 3, 3, TRANSACTION_UNSUCCESSFUL, REFUSAL_CREDIT,
                       0);
    assert_int_equal(sent_event(world, "transactions", 1).transaction.value,
                     2);
    accounts_world_destroy(&world);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(g4_money_is_where_a_naive_reading_says),
        cmocka_unit_test(
            test_accounts_three_purchases_of_fifty_with_a_hundred),
    };

    log_open("test_accounts");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
