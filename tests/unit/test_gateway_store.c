/* The gateway's store thread over a real store and a broker in memory. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../support/gateway_world.h"

/* ---- what it starts with ---------------------------------------------- */

static void
test_gateway_first_start_puts_the_seed(void **state)
{
    struct gateway_world *world = *state;
    struct request list = { .kind = REQUEST_PRODUCT_LIST,
                            .query = { .limit = 10 } };
    const struct product_row *products;
    struct event event;
    int i;

    assert_int_equal(fake_broker_end(world->broker, "orders", 0), 5);
    for (i = 1; i <= 5; i++) {
        fake_broker_event(world->broker, "orders", 0, (uint64_t)i - 1, &event);
        assert_int_equal(event.type, EVENT_ACCOUNT_OPENED);
        assert_int_equal(event.user.value, i);
        assert_int_equal(world_user(world, (uint64_t)i).state, USER_OPENING);
        assert_int_equal(world_user(world, (uint64_t)i).balance.minor, 0);
    }
    assert_int_equal(event.amount.minor, 200000);
    world_ask(world, &list);
    products = list.rows;
    assert_int_equal(list.rows_count, 5);
    assert_int_equal(products[0].price.minor, 5000);
    assert_int_equal(products[4].product.value, 5);
    assert_int_equal(products[4].price.minor, 100000);
    request_fini(&list);
    assert_int_equal(world_metrics(world).users, 5);
    world_reopen(world);
    world_settle(world);
    assert_int_equal(fake_broker_end(world->broker, "orders", 0), 5);
}

static bool
first_start_exits_usage(struct gateway_world *world)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
        gateway_store_new(&world->config, world->requests, world->answers,
                          &world->shared);
        _exit(0);
    }
    return waitpid(child, &status, 0) == child && WIFEXITED(status) &&
           WEXITSTATUS(status) == EXIT_USAGE;
}

static void
test_gateway_wrong_seed_stops_only_the_first_start(void **state)
{
    struct gateway_world *world = *state;

    world_write_seed(world, "{\"products\":1}");
    assert_true(first_start_exits_usage(world));
    unlink(world->seed_path);
    assert_true(first_start_exits_usage(world));
    world->config.seed[0] = '\0';
    assert_int_equal(world_open(world), RC_OK);
    world_close(world);
    strcpy(world->config.seed, world->seed_path);
    assert_false(first_start_exits_usage(world));
    assert_int_equal(world_open(world), RC_OK);
}

static void
lose(const struct gateway_world *world, const char *name)
{
    char path[PATH_MAX];

    snprintf(path, sizeof path, "%s/%s", world->directory, name);
    assert_int_equal(unlink(path), 0);
}

/* Regress 029: it began its life again, met its own rows and broke a law of
 * its own.  With what the last checkpoint wrote down, and without. */
static void
test_gateway_029_that_lost_its_table_participant_is_damaged(void **state)
{
    struct gateway_world *world = *state;

    world_play_scenario(world);
    world_close(world);
    lose(world, "participant");
    assert_int_equal(world_open(world), RC_DAMAGED);
    world_close(world);
    lose(world, "table_pages");
    assert_int_equal(world_open(world), RC_DAMAGED);
}

/* ---- the saga --------------------------------------------------------- */

static void
test_gateway_scenario_of_three_orders(void **state)
{
    world_play_scenario(*state);
    world_check_scenario(*state);
}

static void
test_gateway_reopen_keeps_everything(void **state)
{
    struct gateway_world *world = *state;
    struct request request;

    world_play_scenario(world);
    world_reopen(world);
    world_check_scenario(world);
    world_place(world, &request, 2, 5, 1);
    assert_int_equal(request.order.order.value, 4);
}

static void
test_gateway_order_row_and_event_say_the_same(void **state)
{
    static const char trace[] =
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    struct gateway_world *world = *state;
    struct request request = { .kind = REQUEST_ORDER_PLACE,
                               .user = { 2 },
                               .product = { 2 },
                               .quantity = 3 };
    struct event event;

    strcpy(request.traceparent, trace);
    world_ask(world, &request);
    world_settle(world);
    assert_int_equal(request.outcome, REQUEST_DONE);
    assert_int_equal(request.order.order.value, 1);
    assert_int_equal(request.order.price.minor, 3 * 7500);
    assert_int_equal(request.order.status, ORDER_CREATED);
    assert_true(request.order.created_us == request.order.updated_us);
    fake_broker_event(world->broker, "orders", 0, 5, &event);
    assert_int_equal(event.type, EVENT_ORDER_PURCHASE);
    assert_int_equal(event.order.value, 1);
    assert_int_equal(event.user.value, 2);
    assert_int_equal(event.product.value, 2);
    assert_int_equal(event.quantity, 3);
    assert_int_equal(event.price.minor, 22500);
    assert_string_equal(event.currency, "USD");
    assert_string_equal(event.traceparent, trace);
    assert_true(event.time_us == request.order.created_us);
}

/* ---- refusals --------------------------------------------------------- */

static void
test_gateway_place_refuses_by_rank(void **state)
{
    static const char dear[] =
        "{\"products\":[{\"id\":1,\"price\":\"90071992547409.91\"}],"
        "\"users\":[]}";
    struct gateway_world *world = *state;
    struct request request;

    world_write_seed(world, dear);
    world->config.backlog = 2;
    assert_int_equal(world_open(world), RC_OK);
    world_place(world, &request, 1, 1, 2);
    assert_int_equal(request.outcome, REQUEST_TOO_LARGE);
    fake_broker_set_down(world->broker, true);
    world_place(world, &request, 1, 1, 1);
    assert_int_equal(request.outcome, REQUEST_DONE);
    world_place(world, &request, 1, 1, 1);
    assert_int_equal(request.outcome, REQUEST_DONE);
    world_place(world, &request, 1, 1, 1);
    assert_int_equal(request.outcome, REQUEST_BACKLOG);
    world_user_open(world, &request, 9, 100);
    assert_int_equal(request.outcome, REQUEST_BACKLOG);
    world_place(world, &request, 1, 1, 2);
    assert_int_equal(request.outcome, REQUEST_TOO_LARGE);
    world_place(world, &request, 1, 2, 1);
    assert_int_equal(request.outcome, REQUEST_NO_PRODUCT);
    fake_broker_set_down(world->broker, false);
    world_settle(world);
    world_place(world, &request, 1, 1, 1);
    assert_int_equal(request.outcome, REQUEST_DONE);
    assert_int_equal(request.order.order.value, 3);
    assert_int_equal(world_metrics(world).orders[ORDER_CREATED], 3);
}

/* The commands of one turn count too: none slips past the limit. */
static void
test_gateway_backlog_is_refused_within_one_turn(void **state)
{
    struct gateway_world *world = *state;
    struct request requests[4];
    int i;

    world->config.backlog = 2;
    for (i = 0; i < 4; i++) {
        requests[i] = (struct request){ .kind = REQUEST_ORDER_PLACE,
                                        .user = { 1 },
                                        .product = { 1 },
                                        .quantity = 1,
                                        .next = &requests[i + 1] };
    }
    requests[3].next = NULL;
    mailbox_post(world->requests, &requests[0], &requests[3]);
    assert_int_equal(participant_turn(world->participant, 0), RC_OK);
    assert_ptr_equal(mailbox_take(world->answers), &requests[0]);
    for (i = 0; i < 4; i++)
        assert_int_equal(requests[i].outcome,
                         i < 2 ? REQUEST_DONE : REQUEST_BACKLOG);
}

static void
test_gateway_get_of_no_row_is_told(void **state)
{
    static const enum request_kind kinds[] = {
        REQUEST_ORDER_GET, REQUEST_USER_GET, REQUEST_TRANSACTION_GET,
    };
    struct request request;
    size_t i;

    for (i = 0; i < ARRAY_COUNT(kinds); i++) {
        request = (struct request){ .kind = kinds[i],
                                    .order_id = { 99 },
                                    .user = { 99 },
                                    .transaction_id = { 99 } };
        world_ask(*state, &request);
        assert_int_equal(request.outcome, REQUEST_NO_ROW);
    }
}

/* ---- users ------------------------------------------------------------ */

static void
test_gateway_user_opens_once(void **state)
{
    struct gateway_world *world = *state;
    struct request request;
    struct event event;

    world_user_open(world, &request, 9, 12300);
    assert_int_equal(request.outcome, REQUEST_DONE);
    assert_int_equal(request.user_row.state, USER_OPENING);
    assert_int_equal(request.user_row.balance.minor, 0);
    assert_int_equal(request.user_row.user.value, 9);
    world_user_open(world, &request, 9, 12300);
    assert_int_equal(request.outcome, REQUEST_CONFLICT);
    world_settle(world);
    assert_int_equal(fake_broker_end(world->broker, "orders", 0), 6);
    fake_broker_event(world->broker, "orders", 0, 5, &event);
    assert_int_equal(event.type, EVENT_ACCOUNT_OPENED);
    assert_int_equal(event.user.value, 9);
    assert_int_equal(event.amount.minor, 12300);
    world_send_change(world, ACCOUNT_CHANGE_OPENED, 9, 12300, 0);
    world_settle(world);
    assert_int_equal(world_user(world, 9).state, USER_ACTIVE);
    assert_int_equal(world_user(world, 9).balance.minor, 12300);
    assert_int_equal(world_metrics(world).users, 6);
}

static void
test_gateway_refused_opening_leaves_no_user(void **state)
{
    struct gateway_world *world = *state;
    struct request request, list = { .kind = REQUEST_USER_LIST,
                                     .query = { .limit = 10 } };

    world_user_open(world, &request, 9, 12300);
    world_send_change(world, ACCOUNT_CHANGE_REFUSED, 9, 0, REFUSAL_LIMIT);
    world_settle(world);
    request = (struct request){ .kind = REQUEST_USER_GET, .user = { 9 } };
    world_ask(world, &request);
    assert_int_equal(request.outcome, REQUEST_NO_ROW);
    world_ask(world, &list);
    assert_int_equal(list.rows_count, 5);
    request_fini(&list);
    assert_int_equal(world_metrics(world).users, 5);
    world_reopen(world);
    world_user_open(world, &request, 9, 1);
    assert_int_equal(request.outcome, REQUEST_DONE);
    assert_int_equal(world_metrics(world).users, 6);
}

static void
test_gateway_account_changes_show(void **state)
{
    struct gateway_world *world = *state;

    world_send_change(world, ACCOUNT_CHANGE_OPENED, 1, 10000, 0);
    world_send_change(world, ACCOUNT_CHANGE_CREDITED, 1, 12000, 0);
    world_send_change(world, ACCOUNT_CHANGE_FROZEN, 1, 12000, 0);
    world_settle(world);
    assert_int_equal(world_user(world, 1).state, USER_FROZEN);
    assert_int_equal(world_user(world, 1).balance.minor, 12000);
    world_send_payment(world, PAYMENT_REFUNDED, 1, 1, 50, 12050, 0);
    world_send_change(world, ACCOUNT_CHANGE_THAWED, 1, 12050, 0);
    world_settle(world);
    assert_int_equal(world_user(world, 1).state, USER_ACTIVE);
    assert_int_equal(world_user(world, 1).balance.minor, 12050);
}

/* What a turn's own requests wrote, its later requests see. */
static void
test_gateway_list_sees_a_user_of_the_same_turn(void **state)
{
    struct gateway_world *world = *state;
    struct request list = { .kind = REQUEST_USER_LIST,
                            .query = { .limit = 10 } };
    struct request open = { .kind = REQUEST_USER_OPEN,
                            .user = { 9 },
                            .amount = { 1 },
                            .next = &list };

    mailbox_post(world->requests, &open, &list);
    assert_int_equal(participant_turn(world->participant, 0), RC_OK);
    assert_ptr_equal(mailbox_take(world->answers), &open);
    assert_ptr_equal(open.next, &list);
    assert_int_equal(list.rows_count, 6);
    request_fini(&list);
}

/* ---- several gateways ------------------------------------------------- */

static void
test_gateway_of_a_stride_leaves_others_orders(void **state)
{
    struct gateway_world *world = *state;
    struct request request;

    world->config.order_id_stride = 10;
    world->config.order_id_offset = 3;
    assert_int_equal(world_open(world), RC_OK);
    world_place(world, &request, 1, 1, 1);
    assert_int_equal(request.order.order.value, 3);
    world_send_transaction(world, TRANSACTION_SUCCESSFUL, 4, 2, 700, 50, 0);
    world_send_transaction(world, TRANSACTION_SUCCESSFUL, 3, 1, 5000, 51, 0);
    world_send_transaction(world, TRANSACTION_UNSUCCESSFUL, 1, 2, 700, 0,
                           REFUSAL_FROZEN);
    world_settle(world);
    assert_int_equal(world_order(world, 3).status, ORDER_COMPLETED);
    request = (struct request){ .kind = REQUEST_ORDER_GET, .order_id = { 4 } };
    world_ask(world, &request);
    assert_int_equal(request.outcome, REQUEST_NO_ROW);
    request = (struct request){ .kind = REQUEST_TRANSACTION_GET,
                                .transaction_id = { 50 } };
    world_ask(world, &request);
    assert_int_equal(request.outcome, REQUEST_DONE);
    assert_int_equal(world_metrics(world).transactions, 2);
    assert_int_equal(world_metrics(world).orders[ORDER_FAILED], 0);
    world_reopen(world);
    world_place(world, &request, 1, 1, 1);
    assert_int_equal(request.order.order.value, 13);
}

static void
test_gateway_next_order_passes_another_strides_orders(void **state)
{
    static const struct {
        const char *name;
        uint64_t stride, offset, expected;
    } cases[] = {
        { "wider", 10, 4, 14 },
        { "on_the_last", 10, 5, 15 },
        { "just_behind", 10, 6, 6 },
        { "narrow", 1, 1, 6 },
    };
    struct gateway_world *world;
    struct request request;
    size_t i, n;

    for (i = 0; i < ARRAY_COUNT(cases); i++) {
        world_setup_open(state);
        world = *state;
        for (n = 0; n < 5; n++)
            world_place(world, &request, 1, 1, 1);
        world->config.order_id_stride = cases[i].stride;
        world->config.order_id_offset = cases[i].offset;
        world_reopen(world);
        world_place(world, &request, 1, 1, 1);
        if (request.order.order.value != cases[i].expected)
            fail_msg("%s: %d", cases[i].name, (int)request.order.order.value);
        world_teardown(state);
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
        OPEN(test_gateway_first_start_puts_the_seed),
        CLOSED(test_gateway_wrong_seed_stops_only_the_first_start),
        OPEN(test_gateway_029_that_lost_its_table_participant_is_damaged),
        OPEN(test_gateway_scenario_of_three_orders),
        OPEN(test_gateway_reopen_keeps_everything),
        OPEN(test_gateway_order_row_and_event_say_the_same),
        CLOSED(test_gateway_place_refuses_by_rank),
        OPEN(test_gateway_backlog_is_refused_within_one_turn),
        OPEN(test_gateway_get_of_no_row_is_told),
        OPEN(test_gateway_user_opens_once),
        OPEN(test_gateway_refused_opening_leaves_no_user),
        OPEN(test_gateway_account_changes_show),
        OPEN(test_gateway_list_sees_a_user_of_the_same_turn),
        CLOSED(test_gateway_of_a_stride_leaves_others_orders),
        cmocka_unit_test(
            test_gateway_next_order_passes_another_strides_orders),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
