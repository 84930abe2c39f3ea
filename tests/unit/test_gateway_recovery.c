/* The gateway's store thread when events come twice or can't be, when rows are
 * damaged, and when the process dies: over a real store. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../support/gateway_world.h"
#include "../support/store_rig.h"

/* ---- what comes twice, or can't be ------------------------------------ */

static void
test_gateway_redelivered_batches_change_nothing(void **state)
{
    struct gateway_world *world = *state;
    struct participant_stats stats;

    world_play_scenario(world);
    fake_broker_redeliver(world->broker, "transactions", 0, 0);
    fake_broker_redeliver(world->broker, "payments", 0, 0);
    world_settle(world);
    world_check_scenario(world);
    fake_broker_store_again(world->broker, "transactions", 0, 0);
    fake_broker_store_again(world->broker, "payments", 0, 1);
    world_settle(world);
    world_check_scenario(world);
    participant_stats(world->participant, &stats);
    assert_true(stats.events_duplicate >= 2);
    world_reopen(world);
    fake_broker_redeliver(world->broker, "transactions", 0, 0);
    world_settle(world);
    world_check_scenario(world);
}

/* A ledger that says it again, as a new event. */
static void
test_gateway_repeated_outcome_changes_nothing(void **state)
{
    struct gateway_world *world = *state;

    world_play_scenario(world);
    world_send_transaction(world, TRANSACTION_SUCCESSFUL, 1, 1, 5000, 1, 0);
    world_send_transaction(world, TRANSACTION_UNSUCCESSFUL, 3, 1, 5000, 0,
                           REFUSAL_CREDIT);
    world_settle(world);
    world_check_scenario(world);
}

static void
test_gateway_event_of_another_topic_is_parked(void **state)
{
    struct gateway_world *world = *state;
    struct event event;

    event_init(&event, EVENT_ORDER_CANCEL);
    event.order.value = 1;
    event.user.value = 1;
    event_set_reason(&event, REFUSAL_CANCELLED);
    fake_broker_send(world->broker, "payments", "payment", &event);
    world_settle(world);
    assert_int_equal(world_metrics(world).report.parked, 1);
}

static void
test_gateway_event_that_cannot_be_is_parked(void **state)
{
    static const struct {
        const char *name;
        enum transaction_status status;
        uint64_t order, user;
        int64_t price;
        uint64_t transaction;
        enum refusal reason;
    } cases[] = {
        { "unknown_order", TRANSACTION_SUCCESSFUL, 50, 1, 5000, 3, 0 },
        { "failure_after_success", TRANSACTION_UNSUCCESSFUL, 1, 1, 5000, 0,
          REFUSAL_CREDIT },
        { "success_after_failure", TRANSACTION_SUCCESSFUL, 3, 1, 5000, 3, 0 },
        { "other_user", TRANSACTION_SUCCESSFUL, 1, 2, 5000, 1, 0 },
        { "other_price", TRANSACTION_SUCCESSFUL, 1, 1, 5001, 1, 0 },
        { "success_without_transaction", TRANSACTION_SUCCESSFUL, 4, 1, 5000, 0,
          0 },
        { "failure_without_reason", TRANSACTION_UNSUCCESSFUL, 4, 1, 5000, 0,
          0 },
        { "failure_with_transaction", TRANSACTION_UNSUCCESSFUL, 4, 1, 5000, 9,
          REFUSAL_CREDIT },
        { "reversal_without_transaction", TRANSACTION_REVERSED, 1, 1, 5000, 0,
          REFUSAL_CANCELLED },
        { "reversal_of_another", TRANSACTION_REVERSED, 1, 1, 5000, 2,
          REFUSAL_CANCELLED },
        { "reversal_of_none", TRANSACTION_REVERSED, 4, 1, 5000, 9,
          REFUSAL_CANCELLED },
        { "reversal_of_another_order", TRANSACTION_REVERSED, 4, 1, 5000, 2,
          REFUSAL_CANCELLED },
        { "transaction_twice", TRANSACTION_SUCCESSFUL, 4, 1, 5000, 2, 0 },
    };
    struct gateway_world *world;
    struct request request = { .kind = REQUEST_ORDER_PLACE,
                               .user = { 1 },
                               .product = { 1 },
                               .quantity = 1 };
    uint64_t n;
    size_t i;

    for (i = 0; i < ARRAY_COUNT(cases); i++) {
        world_setup_open(state);
        world = *state;
        world_play_scenario(world);
        world_place(world, &request, 1, 1, 1); /* order 4, open */
        world_send_transaction(world, cases[i].status, cases[i].order,
                               cases[i].user, cases[i].price,
                               cases[i].transaction, cases[i].reason);
        world_settle(world);
        if (world_metrics(world).report.parked != 1)
            fail_msg("%s was taken", cases[i].name);
        assert_int_equal(world_order(world, 4).status, ORDER_CREATED);
        assert_int_equal(world_metrics(world).transactions, 2);
        for (n = 1; n <= 3; n++)
            assert_int_equal(world_order(world, n).status,
                             n < 3 ? ORDER_COMPLETED : ORDER_FAILED);
        /* The others flow on, and a restart changes nothing. */
        world_reopen(world);
        world_place(world, &request, 2, 2, 1);
        world_place(world, &request, 2, 2, 1);
        world_send_transaction(world, TRANSACTION_SUCCESSFUL, 6, 2, 7500, 20,
                               0);
        world_settle(world);
        assert_int_equal(world_metrics(world).report.parked, 1);
        assert_int_equal(world_order(world, 6).status, ORDER_COMPLETED);
        world_teardown(state);
    }
}

/* As if an older program's index held all orders up to 50: those behind are
 * read at the start. */
static void
set_index_base(struct store *store)
{
    uint8_t value[COUNTERS_ROW_BYTES_MAX];
    struct gateway_counters counters;
    struct store_table *table;
    size_t bytes;

    assert_int_equal(store_table_open(store, "counters", &table), RC_OK);
    assert_int_equal(store_get(table, "counters", 8, value, sizeof value,
                               &bytes), RC_OK);
    assert_int_equal(counters_row_decode(value, bytes, &counters), RC_OK);
    counters.index_base = 51;
    assert_int_equal(store_put(table, "counters", 8, value,
                               counters_row_encode(&counters, value)), RC_OK);
}

/* Puts a row that no program of ours wrote; the world is closed. */
static void
put_garbage(struct gateway_world *world, const char *table_name,
            const void *key, size_t key_bytes)
{
    const struct store_config config = {
        .directory = world->directory,
        .cache_bytes = 16 << 20,
        .checkpoint_bytes = 64 << 20,
        .checkpoint_ms = 3600000,
    };
    struct store_table *table;
    struct store *store;
    bool created;

    assert_int_equal(store_open(&store, &config, &created), RC_OK);
    assert_int_equal(store_begin(store), RC_OK);
    if (strcmp(table_name, "orders") == 0)
        set_index_base(store);
    assert_int_equal(key_bytes == ID_KEY_BYTES
                         ? table_open_as_owner(store, table_name, &table)
                         : store_table_open(store, table_name, &table),
                     RC_OK);
    assert_int_equal(store_put(table, key, key_bytes, "garbage", 7), RC_OK);
    assert_int_equal(store_commit(store), RC_OK);
    assert_int_equal(store_close(&store), RC_OK);
}

static const uint8_t key_of_50[8] = { 0, 0, 0, 0, 0, 0, 0, 50 };

/* An order was served in a turn that then meets damage: no answer, no row. */
static void
test_gateway_failing_turn_answers_nothing(void **state)
{
    struct gateway_world *world = *state;
    struct request damaged = { .kind = REQUEST_ORDER_GET,
                               .order_id = { 50 } };
    struct request place = { .kind = REQUEST_ORDER_PLACE,
                             .user = { 1 },
                             .product = { 1 },
                             .quantity = 1,
                             .next = &damaged };
    struct request get = { .kind = REQUEST_ORDER_GET, .order_id = { 51 } };

    world_close(world);
    put_garbage(world, "orders", key_of_50, sizeof key_of_50);
    assert_int_equal(world_open(world), RC_OK);
    mailbox_post(world->requests, &place, &damaged);
    assert_int_equal(participant_turn(world->participant, 0), RC_DAMAGED);
    assert_int_equal(place.order.order.value, 51);
    assert_null(mailbox_take(world->answers));
    world_reopen(world);
    world_ask(world, &get);
    assert_int_equal(get.outcome, REQUEST_NO_ROW);
    assert_int_equal(world_metrics(world).orders[ORDER_CREATED], 0);
    world_place(world, &place, 1, 1, 1);
    assert_int_equal(place.order.order.value, 51);
}

static void
test_gateway_damaged_row_is_never_guessed(void **state)
{
    static const struct {
        const char *table;
        enum request_kind kind;
    } cases[] = {
        { "orders", REQUEST_ORDER_LIST },
        { "users", REQUEST_USER_GET },
        { "users", REQUEST_USER_LIST },
        { "users", REQUEST_USER_OPEN },
        { "transactions", REQUEST_TRANSACTION_GET },
        { "transactions", REQUEST_TRANSACTION_LIST },
        { "orders", REQUEST_ORDER_CANCEL },
        { "users", REQUEST_USER_CREDIT },
        { "users", REQUEST_USER_FREEZE },
        { "users", REQUEST_USER_THAW },
    };
    struct gateway_world *world;
    struct request request;
    size_t i;

    for (i = 0; i < ARRAY_COUNT(cases); i++) {
        world_setup_open(state);
        world = *state;
        world_close(world);
        put_garbage(world, cases[i].table, key_of_50, sizeof key_of_50);
        assert_int_equal(world_open(world), RC_OK);
        request = (struct request){ .kind = cases[i].kind,
                                    .user = { 50 },
                                    .order_id = { 50 },
                                    .transaction_id = { 50 },
                                    .query = { .limit = 10 } };
        mailbox_post(world->requests, &request, &request);
        if (participant_turn(world->participant, 0) != RC_DAMAGED)
            fail_msg("%s by request %d", cases[i].table, cases[i].kind);
        assert_null(mailbox_take(world->answers));
        request_fini(&request);
        world_teardown(state);
    }
}

static void
test_gateway_open_over_damage_is_refused(void **state)
{
    static const struct {
        const char *table;
        const void *key;
        size_t key_bytes;
    } cases[] = {
        { "products", key_of_50, 8 },
        { "products", "odd", 3 },
        { "counters", "counters", 8 },
        { "orders", "odd", 3 },
        { "order_runs", "\0", 1 },
    };
    struct gateway_world *world;
    size_t i;

    for (i = 0; i < ARRAY_COUNT(cases); i++) {
        world_setup_open(state);
        world = *state;
        world_close(world);
        put_garbage(world, cases[i].table, cases[i].key, cases[i].key_bytes);
        if (world_open(world) != RC_DAMAGED)
            fail_msg("%s was opened", cases[i].table);
        world_teardown(state);
    }
}

static void
test_gateway_reversal_cancels(void **state)
{
    struct gateway_world *world = *state;
    struct request request;

    world_place(world, &request, 1, 1, 1);
    world_send_transaction(world, TRANSACTION_SUCCESSFUL, 1, 1, 5000, 1, 0);
    world_send_transaction(world, TRANSACTION_REVERSED, 1, 1, 5000, 1,
                           REFUSAL_CANCELLED);
    world_settle(world);
    assert_int_equal(world_order(world, 1).status, ORDER_CANCELLED);
    assert_int_equal(world_order(world, 1).transaction.value, 1);
    assert_int_equal(world_metrics(world).orders[ORDER_CANCELLED], 1);
    assert_true(gateway_store_handlers.on_drain(world->store));
}

/* ---- turns ------------------------------------------------------------ */

static void
test_gateway_more_requests_than_a_turn_takes_are_all_answered(void **state)
{
    enum { REQUESTS = 100, PER_TURN = 16 };
    struct gateway_world *world = *state;
    struct request requests[REQUESTS], *answers;
    int i, answered = 0, turns;

    world->config.turn_events = PER_TURN;
    for (i = 0; i < REQUESTS; i++) {
        requests[i] = (struct request){ .kind = REQUEST_ORDER_PLACE,
                                        .user = { 1 },
                                        .product = { 1 },
                                        .quantity = 1,
                                        .next = &requests[i + 1] };
    }
    mailbox_post(world->requests, &requests[0], &requests[REQUESTS - 1]);
    for (turns = 0; turns < 30 && answered < REQUESTS; turns++) {
        assert_int_equal(participant_turn(world->participant, 0), RC_OK);
        answers = mailbox_take(world->answers);
        for (; answers != NULL; answers = answers->next) {
            assert_ptr_equal(answers, &requests[answered]);
            assert_int_equal(answers->order.order.value, ++answered);
        }
    }
    assert_int_equal(answered, REQUESTS);
    assert_true(turns >= REQUESTS / PER_TURN);
}

/* The process dies after an answer, with nothing closed. */
static void
test_gateway_killed_between_turns_keeps_what_it_answered(void **state)
{
    enum { ORDERS = 20 };
    struct gateway_world *world = *state;
    struct request request;
    uint64_t id;
    int status;
    pid_t child;

    fake_broker_hold_acks(world->broker, true);
    child = fork();
    if (child == 0) {
        if (world_open(world) != RC_OK)
            _exit(1);
        for (id = 1; id <= ORDERS; id++)
            world_place(world, &request, 1, 1, (int64_t)id);
        world_send_transaction(world, TRANSACTION_SUCCESSFUL, 1, 1, 5000, 1,
                               0);
        invariant(participant_turn(world->participant, 0) == RC_OK);
        raise(SIGKILL);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_int_equal(world_open(world), RC_OK);
    world_settle(world);
    for (id = 1; id <= ORDERS; id++)
        assert_int_equal(world_order(world, id).quantity, id);
    assert_int_equal(world_order(world, 1).status, ORDER_COMPLETED);
    assert_int_equal(world_metrics(world).orders[ORDER_CREATED], ORDERS);
    assert_int_equal(world_metrics(world).orders[ORDER_COMPLETED], 1);
    /* What the child sent was not acknowledged: it is sent again. */
    assert_int_equal(fake_broker_end(world->broker, "orders", 0), 5 + ORDERS);
    world_place(world, &request, 1, 1, 1);
    assert_int_equal(request.order.order.value, ORDERS + 1);
}

static void
test_gateway_shares_that_the_broker_answers(void **state)
{
    struct gateway_world *world = *state;
    eventfd_t count;

    assert_true(atomic_load(&world->shared.bus_up));
    assert_int_equal(eventfd_read(world->shared.wake_fd, &count), 0);
    assert_int_equal(count, 1);
    fake_broker_set_down(world->broker, true);
    world_settle(world);
    assert_false(atomic_load(&world->shared.bus_up));
    assert_int_equal(eventfd_read(world->shared.wake_fd, &count), 0);
    world_settle(world);
    assert_int_not_equal(eventfd_read(world->shared.wake_fd, &count), 0);
}

static void
test_gateway_drains_open_orders(void **state)
{
    struct gateway_world *world = *state;
    struct request request;

    world_place(world, &request, 1, 1, 1);
    world_settle(world);
    assert_false(gateway_store_handlers.on_drain(world->store));
    assert_true(atomic_load(&world->shared.draining));
    world_send_transaction(world, TRANSACTION_UNSUCCESSFUL, 1, 1, 5000, 0,
                           REFUSAL_UNKNOWN_USER);
    world_settle(world);
    assert_true(gateway_store_handlers.on_drain(world->store));
    fake_broker_hold_acks(world->broker, true);
    world_place(world, &request, 1, 1, 1);
    world_settle(world);
    world_send_transaction(world, TRANSACTION_UNSUCCESSFUL, 2, 1, 5000, 0,
                           REFUSAL_UNKNOWN_USER);
    world_settle(world);
    assert_false(gateway_store_handlers.on_drain(world->store));
    fake_broker_set_down(world->broker, true);
    world_settle(world);
    assert_true(gateway_store_handlers.on_drain(world->store));
}

#define OPEN(test)                                                             \
    cmocka_unit_test_setup_teardown(test, world_setup_open, world_teardown)
#define CLOSED(test)                                                           \
    cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        OPEN(test_gateway_redelivered_batches_change_nothing),
        OPEN(test_gateway_repeated_outcome_changes_nothing),
        OPEN(test_gateway_event_of_another_topic_is_parked),
        cmocka_unit_test(test_gateway_event_that_cannot_be_is_parked),
        OPEN(test_gateway_failing_turn_answers_nothing),
        cmocka_unit_test(test_gateway_damaged_row_is_never_guessed),
        cmocka_unit_test(test_gateway_open_over_damage_is_refused),
        OPEN(test_gateway_reversal_cancels),
        OPEN(test_gateway_more_requests_than_a_turn_takes_are_all_answered),
        CLOSED(test_gateway_killed_between_turns_keeps_what_it_answered),
        OPEN(test_gateway_shares_that_the_broker_answers),
        OPEN(test_gateway_drains_open_orders),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
