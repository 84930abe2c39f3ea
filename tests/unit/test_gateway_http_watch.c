#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../support/http_world.h"
#include "gateway/gateway_changes.h"

/* GET /orders/{id}/stream, a user's, and Prefer: wait, over a store that leaves
 * changes out. */

#define WATCH "GET /orders/5/stream HTTP/1.1\r\nHost: localhost\r\n\r\n"
#define OF_USER "GET /orders/stream?userId=1 HTTP/1.1\r\n" \
                "Host: localhost\r\n\r\n"
#define ALL "GET /orders/stream HTTP/1.1\r\nHost: localhost\r\n\r\n"
#define WATCHED 5
#define OTHER 99
#define QUEUE 64

static struct http_world world;
static char heard[8192]; /* all that the stream said */
static size_t heard_bytes;

static struct change
change_of(uint64_t number, uint64_t order, uint64_t user,
          enum order_status status)
{
    return (struct change){
        .number = number, .kind = CHANGE_ORDER,
        .order = { .order = { order }, .user = { user }, .product = { 1 },
                   .quantity = 1, .price = { 5000 }, .status = status,
                   .created_us = 1,
                   .updated_us = INT64_C(1795352707123456) + (int64_t)status },
    };
}

/* What one turn changed, as the store thread tells it. */
static void
post_turn(struct change *changes, uint32_t count)
{
    struct request *request = calloc(1, sizeof(*request));

    request->kind = REQUEST_CHANGED;
    request->rows = changes;
    request->rows_count = count;
    atomic_fetch_add(&world.shared.changes_waiting, 1);
    mailbox_post(world.answers, request, request);
}

static void
post_change(uint64_t number, uint64_t order, enum order_status status)
{
    struct change *change = malloc(sizeof(*change));

    *change = change_of(number, order, 1, status);
    post_turn(change, 1);
}

/* Reads until the stream has said it. */
static void
hear(int fd, const char *words)
{
    struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

    while (strstr(heard, words) == NULL) {
        ssize_t count;

        if (poll(&poll_fd, 1, HTTP_WAIT_MS) != 1)
            fail_msg("no %s in: %s", words, heard);
        count = read(fd, heard + heard_bytes, sizeof(heard) - 1 - heard_bytes);
        assert_true(count > 0);
        heard_bytes += (size_t)count;
        heard[heard_bytes] = '\0';
    }
}

static size_t
times_heard(const char *words)
{
    size_t count = 0;

    for (const char *at = strstr(heard, words); at != NULL;
         at = strstr(at + 1, words))
        count++;
    return count;
}

/* The next change is 10. */
static int
enter_with(const char *const *knobs, const char *request,
           enum order_status status)
{
    int fd;

    heard_bytes = 0;
    heard[0] = '\0';
    http_world_init(&world, knobs);
    http_world_start(&world);
    fake_store_watched(world.store, status, 10);
    fd = http_connect(&world);
    http_send(fd, request, strlen(request));
    hear(fd, "retry: 1000\n\n");
    return fd;
}

static int
enter(const char *request, enum order_status status)
{
    return enter_with(NULL, request, status);
}

static int
watch(enum order_status status)
{
    int fd = enter(WATCH, status);

    hear(fd, "id: 9\n");
    return fd;
}

static void
leave(int fd)
{
    close(fd);
    http_world_fini(&world);
}

static void
test_http_stream_032_end_within_a_hole_is_told(void **state)
{
    int fd = watch(ORDER_CREATED);

    (void)state;
    hear(fd, "ORDER_CREATED");
    fake_store_watched(world.store, ORDER_COMPLETED, 21);
    post_change(10, OTHER, ORDER_COMPLETED);
    post_change(20, OTHER, ORDER_COMPLETED);
    hear(fd, "id: 20\nevent: order\ndata: {\"id\":5,");
    hear(fd, "ORDER_COMPLETED");
    leave(fd);
}

/* The hole had changes of others only: what is heard next is the order's
 * change behind it. */
static void
test_http_stream_032_state_that_was_told_is_not_repeated(void **state)
{
    int fd = watch(ORDER_CREATED);

    (void)state;
    fake_store_watched(world.store, ORDER_CREATED, 21);
    post_change(10, OTHER, ORDER_COMPLETED);
    post_change(20, OTHER, ORDER_COMPLETED);
    assert_true(fake_store_wait(world.store, 2));
    post_change(21, WATCHED, ORDER_COMPLETED);
    hear(fd, "ORDER_COMPLETED");
    assert_int_equal(times_heard("event: order"), 2);

    /* Nor is what was told live. */
    fake_store_watched(world.store, ORDER_COMPLETED, 31);
    post_change(30, OTHER, ORDER_COMPLETED);
    assert_true(fake_store_wait(world.store, 3));
    post_change(31, WATCHED, ORDER_FAILED);
    hear(fd, "ORDER_FAILED");
    assert_int_equal(times_heard("event: order"), 3);
    leave(fd);
}

/* Regress 047: a hole at the end was told with the next change, whenever that
 * came. */
static void
test_http_stream_047_hole_that_nothing_follows_is_told(void **state)
{
    int fd = watch(ORDER_CREATED);

    (void)state;
    post_change(10, OTHER, ORDER_COMPLETED);
    fake_store_watched(world.store, ORDER_COMPLETED, 21);
    atomic_store(&world.shared.changes_next, 21);
    assert_int_equal(eventfd_write(atomic_load(&world.shared.wake_fd), 1), 0);
    hear(fd, "id: 20\nevent: order\ndata: {\"id\":5,");
    hear(fd, "ORDER_COMPLETED");
    leave(fd);
}

/* What is posted, and not yet taken, is no hole. */
static void
test_http_stream_047_change_on_its_way_is_no_hole(void **state)
{
    int fd = watch(ORDER_CREATED);
    struct http_reply reply;

    (void)state;
    atomic_fetch_add(&world.shared.changes_waiting, 1);
    atomic_store(&world.shared.changes_next, 11);
    http_ask_json(&world, "GET", "/healthz", NULL, &reply); /* it has looked */
    post_change(10, WATCHED, ORDER_COMPLETED);
    hear(fd, "id: 10\nevent: order\ndata: {\"id\":5,");
    assert_int_equal(fake_store_count(world.store), 1);
    leave(fd);
}

/* Regress 055: a stream of one user that had read the history beyond a hole
 * that the ring did not know yet was sent back to where that begins: it told
 * what it had told already. */
static void
test_http_stream_055_history_is_not_read_twice(void **state)
{
    int fd = enter(OF_USER, ORDER_CREATED);

    (void)state;
    fake_store_watched(world.store, ORDER_CREATED, 31);
    post_change(20, OTHER, ORDER_CREATED);   /* 10 to 19 are left out ...   */
    assert_true(fake_store_wait(world.store, 2));
    post_change(31, OTHER, ORDER_COMPLETED); /* ... and 21 to 30, and read  */
    hear(fd, "id: 31\nevent: order\n");
    assert_int_equal(times_heard("event: order"), 1);
    assert_int_equal(fake_store_count(world.store), 2);
    assert_int_equal(fake_store_last(world.store).change_after, 9);
    leave(fd);
}

/* Regress 110: of more changes at once than the ring holds, as the store makes
 * them while the http thread gets no processor, a stream whose client had read
 * all that it was told was dropped as too slow.  It reads the history. */
static void
test_http_stream_110_who_waits_for_us_is_not_slow(void **state)
{
    static const char *const knobs[] = { "SAGAPIPE_HTTP_STREAM_QUEUE=64",
                                         NULL };
    static const char *const streams[] = { OF_USER, ALL, WATCH };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(streams); i++) {
        struct change *changes = calloc(QUEUE + 2, sizeof(*changes));
        int fd = enter_with(knobs, streams[i], ORDER_CREATED);

        hear(fd, "id: 9\n");
        for (uint32_t at = 0; at < QUEUE + 2; at++)
            changes[at] = change_of(10 + at, at == 0 ? WATCHED : OTHER,
                                    at == 0 ? 1 : 2, ORDER_COMPLETED);
        fake_store_watched(world.store, ORDER_COMPLETED, 10 + QUEUE + 2);
        post_turn(changes, QUEUE + 2);
        assert_true(fake_store_wait(world.store, 2));
        assert_int_equal(fake_store_last(world.store).change_after, 9);
        post_change(10 + QUEUE + 2, WATCHED, ORDER_FAILED);
        hear(fd, "ORDER_FAILED");
        assert_int_equal(times_heard("dropped"), 0);
        leave(fd);
    }
}

/* Who waits for the end of an order that it placed, as number 1; the next
 * change is 10. */
static int
send_place(int seconds, bool hold)
{
    char request[256];
    int fd;

    snprintf(request, sizeof(request),
             "POST /orders HTTP/1.1\r\nHost: localhost\r\nPrefer: wait=%d\r\n"
             "Content-Type: application/json\r\nContent-Length: 26\r\n\r\n"
             "{\"userId\":1,\"productId\":1}", seconds);
    fake_store_watched(world.store, ORDER_CREATED, 10);
    fake_store_hold(world.store, hold);
    fd = http_connect(&world);
    http_send(fd, request, strlen(request));
    assert_true(fake_store_wait(world.store, 1));
    return fd;
}

static int
ask_place(bool hold)
{
    http_world_init(&world, NULL);
    http_world_start(&world);
    return send_place(60, hold);
}

/* ... and it waits: the store was asked twice. */
static int
place(void)
{
    struct http_reply reply;
    int fd = ask_place(false);

    /* Answers come in order: once this one is there, it waits. */
    http_ask_json(&world, "GET", "/orders/7", NULL, &reply);
    assert_int_equal(reply.status, 200);
    return fd;
}

/* Regress 080: a waiter whose order's end did not come waited for all of its
 * seconds. */
static void
test_http_prefer_080_end_within_a_hole_is_told(void **state)
{
    int fd = place();
    struct http_reply reply;

    (void)state;
    fake_store_watched(world.store, ORDER_CREATED, 21);
    post_change(10, OTHER, ORDER_COMPLETED);
    post_change(20, OTHER, ORDER_COMPLETED); /* not yet within this hole ... */
    assert_true(fake_store_wait(world.store, 3));
    fake_store_watched(world.store, ORDER_COMPLETED, 31);
    post_change(30, OTHER, ORDER_COMPLETED); /* ... but within this one */
    http_receive(fd, &reply, false);
    assert_int_equal(reply.status, 201);
    assert_non_null(strstr(reply.body, "\"id\":1,"));
    assert_non_null(strstr(reply.body, "ORDER_COMPLETED"));
    assert_non_null(strstr(reply.head, "Preference-Applied: wait=60"));
    assert_int_equal(fake_store_count(world.store), 4);
    leave(fd);
}

/* One look at a time: a hole that comes while the store is asked is looked
 * into when it has answered. */
static void
test_http_prefer_080_hole_while_it_is_looked(void **state)
{
    int fd = place();
    struct http_reply reply;

    (void)state;
    fake_store_watched(world.store, ORDER_CREATED, 21);
    post_change(10, OTHER, ORDER_COMPLETED);
    fake_store_hold(world.store, true);
    post_change(20, OTHER, ORDER_COMPLETED);
    assert_true(fake_store_wait(world.store, 3));
    post_change(30, OTHER, ORDER_COMPLETED);
    post_change(40, OTHER, ORDER_COMPLETED);
    post_change(50, OTHER, ORDER_COMPLETED);
    http_ask_json(&world, "GET", "/healthz", NULL, &reply); /* it has looked */
    assert_int_equal(fake_store_count(world.store), 3);
    fake_store_hold(world.store, false);
    assert_true(fake_store_wait(world.store, 4));
    post_change(51, 1, ORDER_COMPLETED);
    http_receive(fd, &reply, false);
    assert_non_null(strstr(reply.body, "ORDER_COMPLETED"));
    assert_int_equal(fake_store_count(world.store), 4);
    leave(fd);
}

/* Regress 083: what was left out before the first change to come, or before the
 * answer that began the wait, was no hole: it waited for all of its seconds. */
static void
test_http_prefer_083_hole_before_the_first_change(void **state)
{
    int fd = place();
    struct http_reply reply;

    (void)state;
    fake_store_watched(world.store, ORDER_COMPLETED, 21);
    post_change(20, OTHER, ORDER_COMPLETED);
    http_receive(fd, &reply, false);
    assert_non_null(strstr(reply.body, "ORDER_COMPLETED"));
    assert_int_equal(fake_store_count(world.store), 3);
    leave(fd);
}

/* The number behind the hole is told while the answer is on its way. */
static void
test_http_prefer_083_hole_while_it_is_placed(void **state)
{
    int fd = ask_place(true);
    struct http_reply reply;

    (void)state;
    post_change(10, OTHER, ORDER_COMPLETED);
    atomic_store(&world.shared.changes_next, 21);
    assert_int_equal(eventfd_write(atomic_load(&world.shared.wake_fd), 1), 0);
    http_ask_json(&world, "GET", "/healthz", NULL, &reply); /* it has looked */
    fake_store_watched(world.store, ORDER_COMPLETED, 10);
    fake_store_hold(world.store, false);
    assert_true(fake_store_wait(world.store, 2));
    http_receive(fd, &reply, false);
    assert_non_null(strstr(reply.body, "ORDER_COMPLETED"));
    leave(fd);
}

/* One that was asked how it stands at its end, and got no answer. */
static int
place_and_look(const char *const *knobs)
{
    int fd;

    http_world_init(&world, knobs);
    http_world_start(&world);
    fd = send_place(1, false);
    fake_store_hold(world.store, true);
    assert_true(fake_store_wait(world.store, 2));
    return fd;
}

static void
assert_placed(int fd)
{
    struct http_reply reply;

    http_receive(fd, &reply, false);
    assert_int_equal(reply.status, 201);
    assert_non_null(strstr(reply.body, "ORDER_CREATED"));
    assert_non_null(strstr(reply.head, "Location: /orders/1\r\n"));
    assert_non_null(strstr(reply.head, "Preference-Applied: wait=1\r\n"));
}

/* Regress 085: of an order that was placed, and looked at once more when its
 * seconds were over, a store that did not answer made a 503. */
static void
test_http_prefer_085_store_that_hangs(void **state)
{
    static const char *const knobs[] = { "SAGAPIPE_REPLY_TIMEOUT=100", NULL };
    int fd = place_and_look(knobs);

    (void)state;
    assert_placed(fd);
    leave(fd);
}

static void
test_http_prefer_085_store_that_stops(void **state)
{
    int fd = place_and_look(NULL);

    (void)state;
    http_world_fini(&world);
    assert_placed(fd);
    close(fd);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_stream_032_end_within_a_hole_is_told),
        cmocka_unit_test(
            test_http_stream_032_state_that_was_told_is_not_repeated),
        cmocka_unit_test(
            test_http_stream_047_hole_that_nothing_follows_is_told),
        cmocka_unit_test(test_http_stream_047_change_on_its_way_is_no_hole),
        cmocka_unit_test(test_http_stream_055_history_is_not_read_twice),
        cmocka_unit_test(test_http_stream_110_who_waits_for_us_is_not_slow),
        cmocka_unit_test(test_http_prefer_080_end_within_a_hole_is_told),
        cmocka_unit_test(test_http_prefer_080_hole_while_it_is_looked),
        cmocka_unit_test(test_http_prefer_083_hole_before_the_first_change),
        cmocka_unit_test(test_http_prefer_083_hole_while_it_is_placed),
        cmocka_unit_test(test_http_prefer_085_store_that_hangs),
        cmocka_unit_test(test_http_prefer_085_store_that_stops),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
