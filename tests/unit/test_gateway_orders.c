/* Idempotency keys, cancels and time-outs: the gateway's store thread over a
 * real store and a broker in memory. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../support/gateway_world.h"
#include "gateway/gateway_state.h"
#include "saga/participant_state.h"

#define SEED_EVENTS 5 /* in `orders`, before a test's own */

static struct request
keyed(const char *key, uint64_t user, uint64_t product, int64_t quantity)
{
    struct request request = { .kind = REQUEST_ORDER_PLACE,
                               .user = { user },
                               .product = { product },
                               .quantity = quantity };

    snprintf(request.key, sizeof request.key, "%s", key);
    return request;
}

static struct request
cancel(struct gateway_world *world, uint64_t order)
{
    struct request request = { .kind = REQUEST_ORDER_CANCEL,
                               .order_id = { order } };

    world_ask(world, &request);
    return request;
}

static uint64_t
emitted(struct gateway_world *world)
{
    world_settle(world);
    return fake_broker_end(world->broker, "orders", 0) - SEED_EVENTS;
}

static struct event
emitted_last(struct gateway_world *world)
{
    struct event event;

    fake_broker_event(world->broker, "orders", 0,
                      SEED_EVENTS + emitted(world) - 1, &event);
    return event;
}

/* ---- keys ------------------------------------------------------------- */

static void
test_gateway_key_again_gives_the_same_order(void **state)
{
    struct gateway_world *world = *state;
    struct request request = keyed("k-1", 1, 1, 1);

    world_ask(world, &request);
    assert_int_equal(request.outcome, REQUEST_DONE);
    assert_false(request.replayed);
    assert_int_equal(request.order.order.value, 1);
    world_send_transaction(world, TRANSACTION_SUCCESSFUL, 1, 1, 5000, 1, 0);
    world_settle(world);
    request = keyed("k-1", 1, 1, 1);
    world_ask(world, &request);
    assert_int_equal(request.outcome, REQUEST_DONE);
    assert_true(request.replayed);
    assert_int_equal(request.order.order.value, 1);
    assert_int_equal(request.order.status, ORDER_COMPLETED);
    world_reopen(world);
    world_ask(world, &request);
    assert_true(request.replayed);
    assert_int_equal(request.order.order.value, 1);
    request = keyed("k-2", 1, 1, 1);
    world_ask(world, &request);
    assert_int_equal(request.order.order.value, 2);
    assert_int_equal(emitted(world), 2);
    assert_int_equal(world_metrics(world).orders[ORDER_CREATED], 2);
}

static void
test_gateway_key_of_another_body_conflicts(void **state)
{
    static const struct {
        uint64_t user, product;
        int64_t quantity;
        const char *field;
    } cases[] = {
        { 2, 1, 3, "userId" },    { 1, 2, 3, "productId" },
        { 1, 1, 4, "quantity" },  { 2, 2, 4, "userId" },
        { 1, 2, 4, "productId" }, { 1, 99, 3, "productId" },
    };
    struct gateway_world *world = *state;
    struct request request = keyed("k", 1, 1, 3);
    size_t i;

    world_ask(world, &request);
    for (i = 0; i < ARRAY_COUNT(cases); i++) {
        request = keyed("k", cases[i].user, cases[i].product,
                        cases[i].quantity);
        world_ask(world, &request);
        assert_int_equal(request.outcome, REQUEST_KEY_CONFLICT);
        assert_string_equal(request.field, cases[i].field);
        assert_int_equal(request.order.order.value, 1);
    }
    assert_int_equal(emitted(world), 1);
}

static void
test_gateway_key_twice_in_one_turn_is_one_order(void **state)
{
    struct gateway_world *world = *state;
    struct request first = keyed("k", 1, 1, 1), second = keyed("k", 1, 1, 1);

    first.next = &second;
    mailbox_post(world->requests, &first, &second);
    assert_int_equal(participant_turn(world->participant, 0), RC_OK);
    assert_ptr_equal(mailbox_take(world->answers), &first);
    assert_int_equal(first.order.order.value, 1);
    assert_int_equal(second.order.order.value, 1);
    assert_false(first.replayed);
    assert_true(second.replayed);
    assert_int_equal(emitted(world), 1);
}

static void
test_gateway_key_of_a_refused_request_is_free(void **state)
{
    struct gateway_world *world = *state;
    struct request request = keyed("k", 1, 99, 1);

    world_ask(world, &request);
    assert_int_equal(request.outcome, REQUEST_NO_PRODUCT);
    world->config.backlog = 0;
    request = keyed("k", 1, 1, 1);
    world_ask(world, &request);
    assert_int_equal(request.outcome, REQUEST_BACKLOG);
    world->config.backlog = 100;
    request = keyed("k", 2, 2, 2);
    world_ask(world, &request);
    assert_int_equal(request.outcome, REQUEST_DONE);
    assert_false(request.replayed);
    /* Once there is an order, its key is answered whatever the pressure. */
    world->config.backlog = 0;
    request = keyed("k", 2, 2, 2);
    world_ask(world, &request);
    assert_int_equal(request.outcome, REQUEST_DONE);
    assert_true(request.replayed);
}

static void
test_gateway_key_of_a_failed_order_stays_failed(void **state)
{
    struct gateway_world *world = *state;
    struct request request = keyed("k", 1, 1, 1);

    world_ask(world, &request);
    world_send_transaction(world, TRANSACTION_UNSUCCESSFUL, 1, 1, 5000, 0,
                           REFUSAL_CREDIT);
    world_settle(world);
    request = keyed("k", 1, 1, 1);
    world_ask(world, &request);
    assert_true(request.replayed);
    assert_int_equal(request.order.status, ORDER_FAILED);
    assert_int_equal(request.order.reason, REFUSAL_CREDIT);
    assert_int_equal(emitted(world), 1);
}

static void
test_gateway_key_of_255_characters(void **state)
{
    struct gateway_world *world = *state;
    char key[IDEMPOTENCY_KEY_BYTES_MAX + 1];
    struct request request;

    memset(key, 'x', sizeof key - 1);
    key[sizeof key - 1] = '\0';
    request = keyed(key, 1, 1, 1);
    world_ask(world, &request);
    key[sizeof key - 2] = 'y';
    request = keyed(key, 1, 1, 1);
    world_ask(world, &request);
    assert_false(request.replayed);
    assert_int_equal(request.order.order.value, 2);
}

/* The process dies after the answer, with nothing closed. */
static void
test_gateway_key_survives_a_kill(void **state)
{
    struct gateway_world *world = *state;
    struct request request = keyed("k", 1, 1, 1);
    int status;
    pid_t child = fork();

    if (child == 0) {
        if (world_open(world) != RC_OK)
            _exit(1);
        world_ask(world, &request);
        raise(SIGKILL);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(world_open(world), RC_OK);
    request = keyed("k", 1, 1, 1);
    world_ask(world, &request);
    assert_true(request.replayed);
    assert_int_equal(request.order.order.value, 1);
}

/* ---- cancels ---------------------------------------------------------- */

static void
test_gateway_cancel_is_emitted_once(void **state)
{
    struct gateway_world *world = *state;
    struct request request;
    struct event event;

    world_place(world, &request, 1, 1, 1);
    request = cancel(world, 1);
    assert_int_equal(request.outcome, REQUEST_DONE);
    assert_int_equal(request.order.status, ORDER_CREATED);
    assert_true(request.order.cancel_us >= request.order.created_us);
    event = emitted_last(world);
    assert_int_equal(event.type, EVENT_ORDER_CANCEL);
    assert_int_equal(event.order.value, 1);
    assert_int_equal(event.user.value, 1);
    assert_int_equal(event.reason, REFUSAL_CANCELLED);
    request = cancel(world, 1);
    assert_int_equal(request.outcome, REQUEST_DONE);
    world_reopen(world);
    request = cancel(world, 1);
    assert_int_equal(request.outcome, REQUEST_DONE);
    assert_true(request.order.cancel_us != 0);
    world->config.backlog = 0; /* it needs no room */
    assert_int_equal(cancel(world, 1).outcome, REQUEST_DONE);
    assert_int_equal(emitted(world), 2);
}

static void
test_gateway_cancel_of_no_order_is_told(void **state)
{
    assert_int_equal(cancel(*state, 1).outcome, REQUEST_NO_ROW);
    assert_int_equal(emitted(*state), 0);
}

enum { NOTHING, SUCCESS, FAILURE, REVERSAL, REFUND, CANCEL, END };

static void
play(struct gateway_world *world, int what)
{
    switch (what) {
    case SUCCESS:
        world_send_transaction(world, TRANSACTION_SUCCESSFUL, 1, 1, 5000, 9,
                               0);
        break;
    case FAILURE:
        world_send_transaction(world, TRANSACTION_UNSUCCESSFUL, 1, 1, 5000, 0,
                               REFUSAL_LIMIT);
        break;
    case REVERSAL:
        world_send_transaction(world, TRANSACTION_REVERSED, 1, 1, 5000, 9,
                               REFUSAL_CANCELLED);
        break;
    case REFUND:
        world_send_payment(world, PAYMENT_REFUNDED, 1, 1, 5000, 10000,
                           REFUSAL_CANCELLED);
        break;
    case CANCEL:
        cancel(world, 1);
        break;
    default:
        break;
    }
    world_settle(world);
}

/* Every course of docs/ACCOUNTS.md as the gateway hears it, and the refund
 * from its other topic at any place. */
static const struct {
    const char *name;
    int steps[5];
    enum order_status ends;
    enum refusal reason;
    bool transaction, refunded;
    uint64_t reached[ORDER_STATUS_COUNT]; /* the counters */
} courses[] = {
    { "success", { SUCCESS }, ORDER_COMPLETED, 0, true, false,
      { 0, 1, 1, 0, 0 } },
    { "failure", { FAILURE }, ORDER_FAILED, REFUSAL_LIMIT, false, false,
      { 0, 1, 0, 1, 0 } },
    { "failure_of_the_ledger", { FAILURE, REFUND }, ORDER_FAILED,
      REFUSAL_LIMIT, false, true, { 0, 1, 0, 1, 0 } },
    { "failure_refund_first", { REFUND, FAILURE }, ORDER_FAILED,
      REFUSAL_LIMIT, false, true, { 0, 1, 0, 1, 0 } },
    { "cancel_too_late_for_a_failure", { CANCEL, FAILURE }, ORDER_FAILED,
      REFUSAL_LIMIT, false, false, { 0, 1, 0, 1, 0 } },
    { "cancel_failure_refund", { CANCEL, FAILURE, REFUND }, ORDER_FAILED,
      REFUSAL_LIMIT, false, true, { 0, 1, 0, 1, 0 } },
    { "held", { CANCEL, SUCCESS }, ORDER_CREATED, 0, true, false,
      { 0, 1, 0, 0, 0 } },
    { "cancel_while_open", { CANCEL, SUCCESS, REFUND, REVERSAL },
      ORDER_CANCELLED, REFUSAL_CANCELLED, true, true, { 0, 1, 0, 0, 1 } },
    { "cancel_refund_first", { CANCEL, REFUND, SUCCESS, REVERSAL },
      ORDER_CANCELLED, REFUSAL_CANCELLED, true, true, { 0, 1, 0, 0, 1 } },
    { "cancel_after_success", { SUCCESS, CANCEL, REVERSAL, REFUND },
      ORDER_CANCELLED, REFUSAL_CANCELLED, true, true, { 0, 1, 1, 0, 1 } },
};

static void
test_gateway_cancel_ends_right_in_every_course(void **state)
{
    struct gateway_world *world;
    struct gateway_metrics metrics;
    struct request request;
    struct order_row row;
    size_t i, n;

    for (i = 0; i < ARRAY_COUNT(courses); i++) {
        world_setup_open(state);
        world = *state;
        world_place(world, &request, 1, 1, 1);
        for (n = 0; n < ARRAY_COUNT(courses[i].steps); n++)
            play(world, courses[i].steps[n]);
        world_reopen(world);
        row = world_order(world, 1);
        metrics = world_metrics(world);
        if (row.status != courses[i].ends || row.reason != courses[i].reason ||
            (row.transaction.value == 9) != courses[i].transaction ||
            (row.refunded_us != 0) != courses[i].refunded ||
            memcmp(metrics.orders, courses[i].reached,
                   sizeof metrics.orders) != 0)
            fail_msg("%s: %s", courses[i].name, order_status_name(row.status));
        assert_int_equal(metrics.report.parked, 0);
        world_teardown(state);
    }
}

static void
test_gateway_cancel_of_an_ended_order_is_refused(void **state)
{
    struct gateway_world *world = *state;
    struct request request;
    uint64_t before;

    world_play_scenario(world);
    world_send_transaction(world, TRANSACTION_REVERSED, 1, 1, 5000, 1,
                           REFUSAL_CANCELLED);
    world_settle(world);
    before = emitted(world);
    request = cancel(world, 1);
    assert_int_equal(request.outcome, REQUEST_ENDED);
    assert_int_equal(request.order.status, ORDER_CANCELLED);
    request = cancel(world, 3);
    assert_int_equal(request.outcome, REQUEST_ENDED);
    assert_int_equal(request.order.status, ORDER_FAILED);
    assert_int_equal(emitted(world), before);
}

static void
test_gateway_reversed_transaction_shows_it(void **state)
{
    struct gateway_world *world = *state;
    struct request request = { .kind = REQUEST_TRANSACTION_GET,
                               .transaction_id = { 1 } };

    world_play_scenario(world);
    world_send_transaction(world, TRANSACTION_REVERSED, 1, 1, 5000, 1,
                           REFUSAL_CANCELLED);
    world_settle(world);
    world_ask(world, &request);
    assert_int_equal(request.transaction.status, TRANSACTION_REVERSED);
    assert_int_equal(request.transaction.written_us, 5000);
    assert_int_equal(request.transaction.amount.minor, 5000);
    assert_int_equal(world_metrics(world).transactions, 2);
}

/* ---- time-outs -------------------------------------------------------- */

/* Turns until so many events were emitted; the clock is the machine's. */
static void
wait_emitted(struct gateway_world *world, uint64_t count)
{
    int turns;

    for (turns = 0; turns < 2000 && emitted(world) < count; turns++)
        assert_int_equal(participant_turn(world->participant, 1), RC_OK);
    assert_int_equal(emitted(world), count);
}

static void
test_gateway_timeout_cancels_once(void **state)
{
    struct gateway_world *world = *state;
    struct request request;
    struct event event;

    world_place(world, &request, 1, 1, 1);
    world_place(world, &request, 2, 1, 1);
    world_send_transaction(world, TRANSACTION_SUCCESSFUL, 1, 1, 5000, 9, 0);
    world_settle(world);
    world_close(world);
    world->config.order_timeout = 1;
    assert_int_equal(world_open(world), RC_OK);
    wait_emitted(world, 3); /* order 1 has ended */
    event = emitted_last(world);
    assert_int_equal(event.type, EVENT_ORDER_CANCEL);
    assert_int_equal(event.order.value, 2);
    assert_int_equal(event.user.value, 2);
    assert_int_equal(event.reason, REFUSAL_TIMEOUT);
    assert_true(event.time_us >= request.order.created_us + 1000);
    assert_true(world_order(world, 2).cancel_us != 0);
    assert_int_equal(cancel(world, 2).outcome, REQUEST_DONE);
    world_reopen(world);
    world_settle(world);
    assert_int_equal(emitted(world), 3);
    world_send_transaction(world, TRANSACTION_SUCCESSFUL, 2, 2, 5000, 10, 0);
    world_send_transaction(world, TRANSACTION_REVERSED, 2, 2, 5000, 10,
                           REFUSAL_TIMEOUT);
    world_settle(world);
    assert_int_equal(world_order(world, 2).status, ORDER_CANCELLED);
    assert_int_equal(world_order(world, 2).reason, REFUSAL_TIMEOUT);
    world_place(world, &request, 3, 1, 1);
    wait_emitted(world, 5);
    assert_int_equal(emitted_last(world).order.value, 3);
}

static void
test_gateway_timeout_waits_its_time(void **state)
{
    struct gateway_world *world = *state;
    struct request request;

    world->config.order_timeout = 3600000;
    world_reopen(world);
    world_place(world, &request, 1, 1, 1);
    assert_int_equal(emitted(world), 1);
    assert_int_equal(world_order(world, 1).cancel_us, 0);
}

static void
test_gateway_timeout_off_cancels_nothing(void **state)
{
    struct gateway_world *world = *state;
    struct request request;

    world_place(world, &request, 1, 1, 1);
    assert_int_equal(emitted(world), 1);
    assert_int_equal(world_order(world, 1).cancel_us, 0);
}

/* What a time-out emits is on disk before it is published. */
static void
test_gateway_timeout_is_flushed(void **state)
{
    struct gateway_world *world = *state;
    struct store_stats before, after;
    struct request request;

    world_place(world, &request, 1, 1, 1);
    world_settle(world);
    world->config.order_timeout = 1;
    world_reopen(world);
    store_stats(world->participant->store, &before);
    wait_emitted(world, 2);
    store_stats(world->participant->store, &after);
    assert_int_equal(after.flushes, before.flushes + 1);
}

/* Without open orders nothing is left to look at, time-out or not. */
static void
test_gateway_timeout_mark_follows_the_ended(void **state)
{
    struct gateway_world *world = *state;
    struct request request;

    world_play_scenario(world);
    assert_int_equal(world->store->counters.order_mark, 4);
    world_place(world, &request, 1, 1, 1);
    world_reopen(world);
    assert_int_equal(world->store->counters.order_mark, 4);
}

/* What was timed out and has not ended is open: a start finds it again. */
static void
test_074_gateway_timed_out_order_is_the_oldest_open_one(void **state)
{
    struct gateway_world *world = *state;
    struct request request;

    world->config.order_timeout = 1;
    world_reopen(world);
    world_place(world, &request, 1, 1, 1);
    wait_emitted(world, 2);
    world_reopen(world);
    assert_int_equal(world_metrics(world).open, 1);
    assert_int_equal(world_metrics(world).oldest_open_us,
                     request.order.created_us);
    world_settle(world);
    assert_int_equal(emitted(world), 2); /* and is not timed out again */
}

/* More than a turn looks at; each once, in the order of creation. */
static void
test_gateway_timeout_of_many_orders(void **state)
{
    enum { ORDERS = 600 };
    struct gateway_world *world = *state;
    struct request request;
    struct event event;
    uint64_t i;

    for (i = 1; i <= ORDERS; i++)
        world_place(world, &request, 1, 1, 1);
    world->config.order_timeout = 1;
    world_reopen(world);
    wait_emitted(world, 2 * ORDERS);
    for (i = 1; i <= ORDERS; i++) {
        fake_broker_event(world->broker, "orders", 0,
                          SEED_EVENTS + ORDERS + i - 1, &event);
        assert_int_equal(event.type, EVENT_ORDER_CANCEL);
        assert_int_equal(event.order.value, i);
    }
}

#define OPEN(test)                                                             \
    cmocka_unit_test_setup_teardown(test, world_setup_open, world_teardown)
#define CLOSED(test)                                                           \
    cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        OPEN(test_gateway_key_again_gives_the_same_order),
        OPEN(test_gateway_key_of_another_body_conflicts),
        OPEN(test_gateway_key_twice_in_one_turn_is_one_order),
        OPEN(test_gateway_key_of_a_refused_request_is_free),
        OPEN(test_gateway_key_of_a_failed_order_stays_failed),
        OPEN(test_gateway_key_of_255_characters),
        CLOSED(test_gateway_key_survives_a_kill),
        OPEN(test_gateway_cancel_is_emitted_once),
        OPEN(test_gateway_cancel_of_no_order_is_told),
        cmocka_unit_test(test_gateway_cancel_ends_right_in_every_course),
        OPEN(test_gateway_cancel_of_an_ended_order_is_refused),
        OPEN(test_gateway_reversed_transaction_shows_it),
        OPEN(test_gateway_timeout_cancels_once),
        OPEN(test_gateway_timeout_waits_its_time),
        OPEN(test_gateway_timeout_off_cancels_nothing),
        OPEN(test_gateway_timeout_is_flushed),
        OPEN(test_gateway_timeout_mark_follows_the_ended),
        OPEN(test_074_gateway_timed_out_order_is_the_oldest_open_one),
        OPEN(test_gateway_timeout_of_many_orders),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
