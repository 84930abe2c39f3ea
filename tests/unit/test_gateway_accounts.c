/* Commands to accounts, parked orders, and what the gateway refuses under
 * pressure: its store thread over a real store and a broker in memory. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../support/gateway_world.h"

#define SEED_EVENTS 5 /* in `orders`, before a test's own */
#define OURS (UINT64_C(1) << 52)

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

/* ---- commands --------------------------------------------------------- */

static struct request
ask(struct gateway_world *world, enum request_kind kind, uint64_t user,
    int64_t amount, uint64_t credit)
{
    struct request request = { .kind = kind,
                               .user = { user },
                               .amount = { amount },
                               .credit = { credit } };

    world_ask(world, &request);
    return request;
}

static void
test_gateway_credit_is_emitted_as_asked(void **state)
{
    struct gateway_world *world = *state;
    struct request request = ask(world, REQUEST_USER_CREDIT, 2, 2500, 7);
    struct event event = emitted_last(world);

    assert_int_equal(request.outcome, REQUEST_DONE);
    assert_int_equal(request.credit.value, 7);
    assert_int_equal(event.type, EVENT_ACCOUNT_CREDITED);
    assert_int_equal(event.user.value, 2);
    assert_int_equal(event.amount.minor, 2500);
    assert_int_equal(event.credit.value, 7);
    request = ask(world, REQUEST_USER_CREDIT, 2, 2500, 7);
    assert_int_equal(request.outcome, REQUEST_DONE);
    assert_int_equal(emitted(world), 2); /* payment knows it */
}

static void
test_gateway_credit_ids_are_given_once(void **state)
{
    struct gateway_world *world = *state;

    assert_true(ask(world, REQUEST_USER_CREDIT, 1, 1, 0).credit.value == OURS);
    assert_true(ask(world, REQUEST_USER_CREDIT, 1, 1, 0).credit.value ==
                OURS + 1);
    world_reopen(world);
    assert_true(ask(world, REQUEST_USER_CREDIT, 1, 1, 0).credit.value ==
                OURS + 2);
    world->config.order_id_stride = 10;
    world->config.order_id_offset = 2;
    world_reopen(world);
    assert_true(ask(world, REQUEST_USER_CREDIT, 1, 1, 0).credit.value ==
                OURS + 11);
    assert_true(ask(world, REQUEST_USER_CREDIT, 1, 1, 0).credit.value ==
                OURS + 21);
}

/* A client may say an id again that it was given, and no other of ours. */
static void
test_gateway_credit_id_of_ours_must_have_been_given(void **state)
{
    struct gateway_world *world = *state;
    static const struct {
        uint64_t credit;
        enum request_outcome outcome;
    } cases[] = {
        { OURS - 1, REQUEST_DONE },   { OURS, REQUEST_NO_CREDIT },
        { OURS + 1, REQUEST_DONE },   { OURS + 2, REQUEST_NO_CREDIT },
        { OURS + 4, REQUEST_DONE },   { OURS + 7, REQUEST_NO_CREDIT },
        { ID_MAX, REQUEST_NO_CREDIT },
    };
    size_t i;

    world->config.order_id_stride = 3;
    world->config.order_id_offset = 2;
    world_reopen(world);
    ask(world, REQUEST_USER_CREDIT, 1, 1, 0); /* OURS + 1 */
    ask(world, REQUEST_USER_CREDIT, 1, 1, 0); /* OURS + 4 */
    for (i = 0; i < ARRAY_COUNT(cases); i++)
        assert_int_equal(ask(world, REQUEST_USER_CREDIT, 1, 1,
                             cases[i].credit).outcome, cases[i].outcome);
    assert_int_equal(emitted(world), 5);
}

static void
test_gateway_freeze_and_thaw_are_emitted(void **state)
{
    struct gateway_world *world = *state;
    struct request request = ask(world, REQUEST_USER_FREEZE, 3, 0, 0);

    assert_int_equal(request.outcome, REQUEST_DONE);
    assert_int_equal(request.user_row.user.value, 3);
    assert_int_equal(emitted_last(world).type, EVENT_ACCOUNT_FROZEN);
    assert_int_equal(emitted_last(world).user.value, 3);
    world_send_change(world, ACCOUNT_CHANGE_FROZEN, 3, 50000, 0);
    world_settle(world);
    assert_int_equal(world_user(world, 3).state, USER_FROZEN);
    request = ask(world, REQUEST_USER_THAW, 3, 0, 0);
    assert_int_equal(request.user_row.state, USER_FROZEN);
    assert_int_equal(emitted_last(world).type, EVENT_ACCOUNT_THAWED);
    assert_int_equal(emitted(world), 2);
}

static const enum request_kind account_kinds[] = {
    REQUEST_USER_CREDIT, REQUEST_USER_FREEZE, REQUEST_USER_THAW,
};

static void
test_gateway_account_command_to_nobody_is_refused(void **state)
{
    struct gateway_world *world = *state;
    size_t i;

    for (i = 0; i < ARRAY_COUNT(account_kinds); i++)
        assert_int_equal(ask(world, account_kinds[i], 99, 1, 0).outcome,
                         REQUEST_NO_USER);
    assert_int_equal(emitted(world), 0);
    assert_true(ask(world, REQUEST_USER_CREDIT, 1, 1, 0).credit.value == OURS);
}

/* ---- pressure --------------------------------------------------------- */

/* Everything that emits is refused, nothing of it is done, and reads go on. */
static void
check_refused(struct gateway_world *world, enum request_outcome outcome,
              uint32_t retry_s)
{
    struct request requests[] = {
        { .kind = REQUEST_ORDER_PLACE, .user = { 1 }, .product = { 1 },
          .quantity = 1, .key = "fresh" },
        { .kind = REQUEST_ORDER_CANCEL, .order_id = { 1 } },
        { .kind = REQUEST_USER_OPEN, .user = { 99 }, .amount = { 1 } },
        { .kind = REQUEST_USER_CREDIT, .user = { 1 }, .amount = { 1 } },
        { .kind = REQUEST_USER_FREEZE, .user = { 1 } },
        { .kind = REQUEST_USER_THAW, .user = { 1 } },
    };
    struct request replay = { .kind = REQUEST_ORDER_PLACE, .user = { 1 },
                              .product = { 1 }, .quantity = 1, .key = "old" };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(requests); i++) {
        world_ask(world, &requests[i]);
        if (requests[i].outcome != outcome || requests[i].retry_s != retry_s)
            fail_msg("request %d: %d, %u s", requests[i].kind,
                     requests[i].outcome, requests[i].retry_s);
    }
    assert_int_equal(world_order(world, 1).cancel_us, 0);
    assert_int_equal(world_user(world, 1).state, USER_OPENING);
    assert_int_equal(world_metrics(world).users, 5);
    world_ask(world, &replay);
    assert_true(replay.outcome == REQUEST_DONE && replay.replayed);
}

static void
place_old(struct gateway_world *world)
{
    struct request request = { .kind = REQUEST_ORDER_PLACE, .user = { 1 },
                               .product = { 1 }, .quantity = 1,
                               .key = "old" };

    world_ask(world, &request);
    assert_int_equal(request.outcome, REQUEST_DONE);
    world_settle(world);
}

static void
test_gateway_below_the_disk_floor_takes_no_commands(void **state)
{
    struct gateway_world *world = *state;
    struct request request;

    place_old(world);
    world->config.gateway_disk_floor = UINT64_MAX;
    world_reopen(world);
    check_refused(world, REQUEST_DISK, 30);
    assert_int_equal(emitted(world), 1);
    world->config.gateway_disk_floor = 0;
    world_reopen(world);
    world_place(world, &request, 1, 1, 1);
    assert_int_equal(request.outcome, REQUEST_DONE);
    assert_int_equal(request.order.order.value, 2);
}

static void
test_gateway_above_the_backlog_takes_no_commands(void **state)
{
    struct gateway_world *world = *state;
    struct request request;

    place_old(world);
    fake_broker_set_down(world->broker, true);
    world->config.backlog = 1;
    world_place(world, &request, 1, 1, 1);
    assert_int_equal(request.outcome, REQUEST_DONE);
    check_refused(world, REQUEST_BACKLOG, 1);
    fake_broker_set_down(world->broker, false);
    assert_int_equal(emitted(world), 2);
    world_place(world, &request, 1, 1, 1);
    assert_int_equal(request.outcome, REQUEST_DONE);
}

/* ---- parked orders ---------------------------------------------------- */

static void
send_letter(struct gateway_world *world, const char *participant,
            uint64_t order, uint64_t offset, uint64_t attempts,
            const char *cause)
{
    static const uint8_t as_it_came[] = "x";
    struct event event;

    event_init(&event, EVENT_DEAD_LETTER);
    snprintf(event.topic_name, sizeof event.topic_name, "orders");
    snprintf(event.participant, sizeof event.participant, "%s", participant);
    snprintf(event.cause, sizeof event.cause, "%s", cause);
    event.offset = offset;
    event.attempts = attempts;
    event.time_us = 1000 + (int64_t)attempts;
    event.blob = (struct event_blob){ as_it_came, 1 };
    if (order != 0) {
        event.order.value = order;
        event.present |= EVENT_HAS(FIELD_ORDER_ID);
    }
    fake_broker_send(world->broker, "dead-letters", participant, &event);
    world_settle(world);
}

static struct parked_row
parked_of(struct gateway_world *world, uint64_t order)
{
    struct request request = { .kind = REQUEST_ORDER_GET,
                               .order_id = { order } };

    world_ask(world, &request);
    assert_int_equal(request.outcome, REQUEST_DONE);
    return request.parked;
}

static void
test_gateway_parked_order_shows_until_redriven(void **state)
{
    struct gateway_world *world = *state;
    struct request request;
    struct parked_row parked;

    world_place(world, &request, 1, 1, 1);
    world_place(world, &request, 1, 1, 1);
    send_letter(world, "payment", 1, 5, 1, "refused");
    parked = parked_of(world, 1);
    assert_int_equal(parked.order.value, 1);
    assert_string_equal(parked.participant, "payment");
    assert_string_equal(parked.topic, "orders");
    assert_string_equal(parked.cause, "refused");
    assert_int_equal(parked.attempts, 1);
    assert_int_equal(parked.since_us, 1001);
    assert_int_equal(parked_of(world, 2).order.value, 0);
    assert_int_equal(world_metrics(world).parked_orders, 1);
    send_letter(world, "payment", 1, 5, 2, "field_type");
    world_reopen(world);
    parked = parked_of(world, 1);
    assert_string_equal(parked.cause, "field_type");
    assert_int_equal(parked.attempts, 2);
    assert_int_equal(parked.since_us, 1001);
    assert_int_equal(world_metrics(world).parked_orders, 1);
    send_letter(world, "payment", 1, 5, 3, PARK_CAUSE_REDRIVEN);
    assert_int_equal(parked_of(world, 1).order.value, 0);
    assert_int_equal(world_metrics(world).parked_orders, 0);
}

static void
test_gateway_order_parked_twice_counts_once(void **state)
{
    struct gateway_world *world = *state;
    struct request request;

    world_place(world, &request, 1, 1, 1);
    send_letter(world, "payment", 1, 5, 1, "refused");
    send_letter(world, "ledger", 1, 9, 1, "refused");
    send_letter(world, "payment", 1, 6, 1, "refused");
    assert_int_equal(world_metrics(world).parked_orders, 1);
    send_letter(world, "payment", 1, 5, 1, PARK_CAUSE_DROPPED);
    send_letter(world, "ledger", 1, 9, 1, PARK_CAUSE_REDRIVEN);
    assert_string_equal(parked_of(world, 1).participant, "payment");
    assert_int_equal(world_metrics(world).parked_orders, 1);
    send_letter(world, "payment", 1, 6, 1, PARK_CAUSE_DROPPED);
    assert_int_equal(parked_of(world, 1).order.value, 0);
    assert_int_equal(world_metrics(world).parked_orders, 0);
    send_letter(world, "payment", 1, 6, 1, PARK_CAUSE_DROPPED);
    assert_int_equal(world_metrics(world).parked_orders, 0);
}

static void
test_gateway_letter_of_no_order_of_ours_is_passed(void **state)
{
    struct gateway_world *world = *state;

    send_letter(world, "payment", 0, 5, 1, "syntax");
    send_letter(world, "payment", 77, 6, 1, "refused");
    assert_int_equal(world_metrics(world).parked_orders, 0);
    assert_int_equal(world_metrics(world).report.parked, 0);
}

/* The gateway reads its own letters: they must not wait with the order whose
 * event it parked. */
static void
test_gateway_shows_what_it_parked_itself(void **state)
{
    struct gateway_world *world = *state;
    struct request request;
    struct parked_row parked;

    world_place(world, &request, 1, 1, 1);
    world_send_transaction(world, TRANSACTION_SUCCESSFUL, 1, 2, 5000, 9, 0);
    world_settle(world);
    parked = parked_of(world, 1);
    assert_string_equal(parked.participant, "gateway");
    assert_string_equal(parked.topic, "transactions");
    assert_string_equal(parked.cause, "refused");
    assert_int_equal(world_metrics(world).report.parked, 1);
    /* What follows for that order waits behind it. */
    world_send_transaction(world, TRANSACTION_SUCCESSFUL, 1, 1, 5000, 9, 0);
    world_settle(world);
    assert_int_equal(world_order(world, 1).status, ORDER_CREATED);
    assert_int_equal(world_metrics(world).report.parked, 2);
    assert_int_equal(world_metrics(world).parked_orders, 1);
}

#define OPEN(test)                                                             \
    cmocka_unit_test_setup_teardown(test, world_setup_open, world_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        OPEN(test_gateway_credit_is_emitted_as_asked),
        OPEN(test_gateway_credit_ids_are_given_once),
        OPEN(test_gateway_credit_id_of_ours_must_have_been_given),
        OPEN(test_gateway_freeze_and_thaw_are_emitted),
        OPEN(test_gateway_account_command_to_nobody_is_refused),
        OPEN(test_gateway_below_the_disk_floor_takes_no_commands),
        OPEN(test_gateway_above_the_backlog_takes_no_commands),
        OPEN(test_gateway_parked_order_shows_until_redriven),
        OPEN(test_gateway_order_parked_twice_counts_once),
        OPEN(test_gateway_letter_of_no_order_of_ours_is_passed),
        OPEN(test_gateway_shows_what_it_parked_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
