#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "../support/gateway_world.h"
#include "../support/said.h"
#include "gateway/gateway_changes.h"
#include "gateway/gateway_state.h"
#include "saga/participant_state.h"

/* The numbered changes of the store thread: history, gaps, what is posted. */

static void
ask(struct gateway_world *world, struct request *request,
    enum request_kind kind, uint64_t after)
{
    memset(request, 0, sizeof *request);
    request->kind = kind;
    request->change_after = after;
    world_ask(world, request);
    assert_int_equal(request->outcome, REQUEST_DONE);
}

static const struct change *
change_at(const struct request *request, uint32_t index)
{
    assert_true(index < request->rows_count);
    return (const struct change *)request->rows + index;
}

static void
test_gateway_changes_tell_the_history(void **state)
{
    struct gateway_world *world = *state;
    struct request request;

    ask(world, &request, REQUEST_ORDER_STREAM, CHANGES_NOW);
    assert_int_equal(request.change_next, 1);
    world_play_scenario(world);
    ask(world, &request, REQUEST_ORDER_STREAM, 0);
    assert_false(request.change_gap);
    assert_false(request.more);
    /* Three orders were created and ended: each as it stands now. */
    assert_int_equal(request.rows_count, 6);
    for (uint32_t i = 0; i < 6; i++) {
        assert_int_equal(change_at(&request, i)->kind, CHANGE_ORDER);
        assert_int_not_equal(change_at(&request, i)->order.status,
                             ORDER_CREATED);
        if (i > 0)
            assert_true(change_at(&request, i)->number >
                        change_at(&request, i - 1)->number);
    }
    request_fini(&request);
    ask(world, &request, REQUEST_TRANSACTION_STREAM, 0);
    assert_int_equal(request.rows_count, 2);
    request_fini(&request);
}

static void
test_gateway_changes_go_on_after_a_restart(void **state)
{
    struct gateway_world *world = *state;
    struct request before, after;

    world_play_scenario(world);
    ask(world, &before, REQUEST_ORDER_STREAM, CHANGES_NOW);
    world_reopen(world);
    ask(world, &after, REQUEST_ORDER_STREAM, CHANGES_NOW);
    assert_int_equal(before.change_next, after.change_next);
    assert_true(after.change_next > 6);
    ask(world, &after, REQUEST_ORDER_STREAM, 2);
    assert_true(after.rows_count >= 4);
    assert_true(change_at(&after, 0)->number > 2);
    request_fini(&after);
}

static void
test_gateway_changes_ahead_of_all_is_a_gap(void **state)
{
    struct gateway_world *world = *state;
    struct request request;

    ask(world, &request, REQUEST_ORDER_STREAM, 77);
    assert_true(request.change_gap);
    assert_int_equal(request.change_first, 1);
    assert_int_equal(request.change_next, 1);
    assert_int_equal(request.rows_count, 0);
}

/* The history is as long as the knob says, give or take a row. */
static void
test_gateway_changes_have_a_length(void **state)
{
    struct gateway_world *world = *state;
    struct request request;
    uint64_t first, next, kept;

    world->config.changes = 10;
    for (int i = 0; i < 2 * CHANGE_ROW_MAX; i++)
        world_place(world, &request, 1, 1, 1);
    ask(world, &request, REQUEST_ORDER_STREAM, 0);
    assert_true(request.change_gap);
    first = request.change_first;
    assert_int_equal(change_at(&request, 0)->number, first);
    request_fini(&request);
    ask(world, &request, REQUEST_ORDER_STREAM, CHANGES_NOW);
    next = request.change_next;
    kept = next - first;
    assert_true(kept >= 10 && kept <= 10 + CHANGE_ROW_MAX + 1);
    world_reopen(world);
    ask(world, &request, REQUEST_ORDER_STREAM, first - 1);
    assert_false(request.change_gap);
    request_fini(&request);
}

/* A page ends after CHANGES_SCAN_MAX, and the next one begins there. */
static void
test_gateway_changes_come_in_pages(void **state)
{
    struct gateway_world *world = *state;
    struct request request;
    uint64_t after = 0, told = 0;
    bool more;

    for (int i = 0; i < 2 * CHANGES_SCAN_MAX + 9; i++)
        world_place(world, &request, 1, 1, 1);
    do {
        ask(world, &request, REQUEST_ORDER_STREAM, after);
        assert_true(request.rows_count <= CHANGES_SCAN_MAX);
        told += request.rows_count;
        after = request.change_next - 1;
        more = request.more;
        request_fini(&request);
    } while (more);
    assert_int_equal(told, 2 * CHANGES_SCAN_MAX + 9);
}

static void
test_gateway_changes_are_filtered(void **state)
{
    struct gateway_world *world = *state;
    struct request request;

    world_play_scenario(world);
    world_place(world, &request, 2, 1, 1);
    memset(&request, 0, sizeof request);
    request.kind = REQUEST_ORDER_STREAM;
    request.query.user.value = 2;
    world_ask(world, &request);
    assert_int_equal(request.rows_count, 1);
    assert_int_equal(change_at(&request, 0)->order.user.value, 2);
    request_fini(&request);
}

static void
test_gateway_changes_watch_of_no_order(void **state)
{
    struct gateway_world *world = *state;
    struct request request = { .kind = REQUEST_ORDER_WATCH,
                               .order_id = { 5 } };

    world_ask(world, &request);
    assert_int_equal(request.outcome, REQUEST_NO_ROW);
}

/* With the answer comes what changed; beyond what may wait, it does not. */
static void
test_gateway_changes_are_posted_to_who_listens(void **state)
{
    struct gateway_world *world = *state;
    uint64_t number = 0;

    for (int i = 0; i < CHANGES_WAITING_MAX + 3; i++) {
        struct request request = { .kind = REQUEST_ORDER_PLACE,
                                   .user = { 1 }, .product = { 1 },
                                   .quantity = 1 };
        struct request *posted;

        atomic_store(&world->shared.listening, i > 0);
        mailbox_post(world->requests, &request, &request);
        assert_int_equal(participant_turn(world->participant, 1000), RC_OK);
        assert_ptr_equal(mailbox_take(world->answers), &request);
        posted = request.next;
        if (i == 0 || i > CHANGES_WAITING_MAX) {
            assert_null(posted);
            continue;
        }
        assert_non_null(posted);
        assert_int_equal(posted->kind, REQUEST_CHANGED);
        assert_int_equal(posted->rows_count, 1);
        assert_int_equal(change_at(posted, 0)->order.order.value, i + 1);
        assert_int_equal(change_at(posted, 0)->number, request.change_next);
        assert_true(number == 0 || change_at(posted, 0)->number == number + 1);
        number = change_at(posted, 0)->number;
        request_fini(posted);
        free(posted);
    }
}

static bool
was_woken(struct gateway_world *world)
{
    eventfd_t count;

    return eventfd_read(atomic_load(&world->shared.wake_fd), &count) == 0;
}

/* Regress 047: of a turn that is left out who listens is told, if not what it
 * changed; with what is posted he is woken anyway. */
static void
test_gateway_changes_047_left_out_turn_wakes_who_listens(void **state)
{
    struct gateway_world *world = *state;
    uint64_t next = 0;

    for (int i = 0; i < 3; i++) {
        struct request request = { .kind = REQUEST_ORDER_PLACE,
                                   .user = { 1 }, .product = { 1 },
                                   .quantity = 1 };
        struct request *posted;

        (void)was_woken(world);
        atomic_store(&world->shared.listening, i > 0);
        atomic_store(&world->shared.changes_waiting,
                     i == 1 ? CHANGES_WAITING_MAX : 0);
        mailbox_post(world->requests, &request, &request);
        assert_int_equal(participant_turn(world->participant, 1000), RC_OK);
        assert_ptr_equal(mailbox_take(world->answers), &request);
        posted = request.next;
        assert_int_equal(posted != NULL, i == 2);
        assert_int_equal(was_woken(world), i == 1);
        assert_true(atomic_load(&world->shared.changes_next) > next);
        next = atomic_load(&world->shared.changes_next);
        if (posted == NULL)
            continue;
        assert_int_equal(change_at(posted, 0)->number, next - 1);
        request_fini(posted);
        free(posted);
    }
}

/* The row was there when the history was opened, and is gone from under it: the
 * first one, one in the middle, or the last. */
static void
test_gateway_changes_row_that_is_gone_is_damage(void **state)
{
    static const uint8_t keys[][ID_KEY_BYTES] = {
        { 0, 0, 0, 0, 0, 0, 0, 1 },
        { 0, 0, 0, 0, 0, 0, 0, 2 },
        { 0, 0, 0, 0, 0, 0, 0, 3 },
    };
    struct participant *participant;
    struct gateway_world *world;
    struct request request;
    const char *said;

    for (size_t i = 0; i < ARRAY_COUNT(keys); i++) {
        assert_int_equal(world_setup_open(state), 0);
        world = *state;
        participant = world->participant;
        for (int order = 0; order < 3; order++)
            world_place(world, &request, 1, 1, 1);
        assert_int_equal(store_begin(participant->store), RC_OK);
        assert_int_equal(store_delete(world->store->tables.changes, keys[i],
                                      sizeof keys[i]), RC_OK);
        assert_int_equal(store_commit(participant->store), RC_OK);
        request = (struct request){ .kind = REQUEST_ORDER_STREAM };
        mailbox_post(world->requests, &request, &request);
        said_begin();
        assert_int_equal(participant_turn(participant, 0), RC_DAMAGED);
        said = said_end();
        assert_non_null(strstr(said, "event=row_damaged table=changes id="));
        request_fini(&request);
        assert_int_equal(world_teardown(state), 0);
    }
}

int
main(void)
{
#define T(name)                                                                \
    cmocka_unit_test_setup_teardown(name, world_setup_open, world_teardown)
    const struct CMUnitTest tests[] = {
        T(test_gateway_changes_tell_the_history),
        T(test_gateway_changes_go_on_after_a_restart),
        T(test_gateway_changes_ahead_of_all_is_a_gap),
        T(test_gateway_changes_have_a_length),
        T(test_gateway_changes_come_in_pages),
        T(test_gateway_changes_are_filtered),
        T(test_gateway_changes_watch_of_no_order),
        T(test_gateway_changes_are_posted_to_who_listens),
        T(test_gateway_changes_047_left_out_turn_wakes_who_listens),
        cmocka_unit_test(test_gateway_changes_row_that_is_gone_is_damage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
