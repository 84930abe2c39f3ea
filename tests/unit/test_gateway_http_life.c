#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../support/http_world.h"
#include "saga/daemon.h"

/* Time, load and the end: what happens when the store, the client or we do
 * not go on. */

#define ORDER                                                                  \
    "POST /orders HTTP/1.1\r\nHost: localhost\r\n"                            \
    "Content-Type: application/json\r\n"                                      \
    "Content-Length: 26\r\n\r\n{\"userId\":1,\"productId\":1}"
#define HEALTH "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
#define READY "GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n"
#define LIST "GET /orders?limit=1000 HTTP/1.1\r\nHost: localhost\r\n\r\n"
#define CONNECTIONS 200

static struct http_world world;
static struct http_reply reply;

static void
start_with(const char *knob, const char *other)
{
    const char *const knobs[] = { knob, other, NULL };

    http_world_init(&world, knobs);
    world.http->grace_us = 100000;
    http_world_start(&world);
}

static void
test_gateway_http_silent_store_gets_503(void **state)
{
    int fd;

    (void)state;
    start_with("SAGAPIPE_REPLY_TIMEOUT=100ms", NULL);
    fake_store_hold(world.store, true);
    fd = http_connect(&world);
    http_send(fd, ORDER, sizeof(ORDER) - 1);
    http_receive(fd, &reply, false);
    assert_int_equal(reply.status, 503);
    assert_non_null(strstr(reply.body, "/problems/store-timeout"));
    assert_false(reply.closed);

    /* The answer that comes too late does no harm to who asks now. */
    http_send(fd, HEALTH, sizeof(HEALTH) - 1);
    http_receive(fd, &reply, false);
    assert_int_equal(reply.status, 200);
    fake_store_hold(world.store, false);
    http_send(fd, ORDER, sizeof(ORDER) - 1);
    http_receive(fd, &reply, false);
    assert_int_equal(reply.status, 201);
    assert_non_null(strstr(reply.head, "Location: /orders/2\r\n"));
    close(fd);
    http_world_fini(&world);
}

static void
test_gateway_http_hung_up_client_does_no_harm(void **state)
{
    int fd;

    (void)state;
    start_with(NULL, NULL);
    fake_store_hold(world.store, true);
    for (uint64_t i = 1; i <= 20; i++) {
        struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

        fd = http_connect(&world);
        http_send(fd, ORDER, sizeof(ORDER) - 1);
        assert_true(fake_store_wait(world.store, i));
        if (i % 2 == 0)
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
        close(fd);
    }
    fake_store_hold(world.store, false);
    http_ask(&world, ORDER, &reply);
    assert_int_equal(reply.status, 201);
    http_world_fini(&world);
}

/* With 10 connections 40 requests may be under way (64: a slab); the store
 * takes all and answers none. */
static void
test_gateway_http_stuck_store_overloads(void **state)
{
    uint64_t sent = 0;

    (void)state;
    start_with("SAGAPIPE_REPLY_TIMEOUT=100ms", "SAGAPIPE_HTTP_CONNECTIONS=10");
    fake_store_hold(world.store, true);
    do {
        int fds[8];

        for (size_t i = 0; i < ARRAY_COUNT(fds); i++) {
            fds[i] = http_connect(&world);
            http_send(fds[i], ORDER, sizeof(ORDER) - 1);
        }
        for (size_t i = 0; i < ARRAY_COUNT(fds); i++) {
            http_receive(fds[i], &reply, false);
            assert_int_equal(reply.status, 503);
            close(fds[i]);
        }
        sent += ARRAY_COUNT(fds);
        assert_true(sent < 200);
    } while (strstr(reply.body, "/problems/overloaded") == NULL);
    assert_true(sent > 40);
    http_world_fini(&world);
}

static void
test_gateway_http_many_wait_and_all_are_answered(void **state)
{
    int fds[CONNECTIONS];

    (void)state;
    start_with(NULL, NULL);
    fake_store_hold(world.store, true);
    for (size_t i = 0; i < CONNECTIONS; i++) {
        fds[i] = http_connect(&world);
        http_send(fds[i], ORDER, sizeof(ORDER) - 1);
    }
    assert_true(fake_store_wait(world.store, CONNECTIONS));
    fake_store_hold(world.store, false);
    for (size_t i = 0; i < CONNECTIONS; i++) {
        http_receive(fds[i], &reply, false);
        assert_int_equal(reply.status, 201);
        close(fds[i]);
    }
    http_world_fini(&world);
}

/* A byte now and then keeps the library's own time-out away, not ours. */
static void
test_gateway_http_slow_client_is_cut(void **state)
{
    static const char drip[] = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: "
                               "................................";
    struct pollfd fd = { .events = POLLIN };
    size_t sent = 0;
    int64_t begun_us;

    (void)state;
    start_with("SAGAPIPE_HTTP_TIMEOUT=1s", NULL);
    begun_us = clock_monotonic_us();
    fd.fd = http_connect(&world);
    do {
        assert_true(sent < sizeof(drip));
        http_send(fd.fd, drip + sent++, 1);
    } while (poll(&fd, 1, 100) == 0);
    assert_true(clock_monotonic_us() - begun_us >= 900000);
    assert_true(http_closed(fd.fd));
    close(fd.fd);
    http_world_fini(&world);
}

/* Once its first line is there a request has its own time, however often a
 * byte comes: of the head, or of the body. */
static void
test_gateway_http_request_that_drips_is_cut(void **state)
{
    static const char *const firsts[] = {
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ",
        "POST /orders HTTP/1.1\r\nHost: localhost\r\n"
        "Content-Type: application/json"
        "\r\nContent-Length: 1000\r\n\r\n",
    };

    (void)state;
    start_with("SAGAPIPE_HTTP_REQUEST_TIME=300ms", NULL);
    for (size_t i = 0; i < ARRAY_COUNT(firsts); i++) {
        struct pollfd fd = { .fd = http_connect(&world), .events = POLLIN };
        size_t sent = 0;

        http_send(fd.fd, firsts[i], strlen(firsts[i]));
        do {
            assert_true(sent++ < 500);
            http_send(fd.fd, "1", 1);
        } while (poll(&fd, 1, 20) == 0);
        assert_true(http_closed(fd.fd));
        close(fd.fd);
    }
    http_world_fini(&world);
}

/* Nor is a client that is idle between two requests cut by it. */
static void
test_gateway_http_idle_time_is_not_the_requests(void **state)
{
    struct pollfd fd = { .events = POLLIN };

    (void)state;
    start_with("SAGAPIPE_HTTP_REQUEST_TIME=100ms", NULL);
    fd.fd = http_connect(&world);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(poll(&fd, 1, 300), 0);
        http_send(fd.fd, HEALTH, sizeof(HEALTH) - 1);
        http_receive(fd.fd, &reply, false);
        assert_int_equal(reply.status, 200);
    }
    close(fd.fd);
    http_world_fini(&world);
}

static void
test_gateway_http_head_beyond_its_memory_is_refused(void **state)
{
    static char head[65536];
    int fd;

    (void)state;
    start_with("SAGAPIPE_HTTP_HEADER=4k", NULL);
    memset(head, 'x', sizeof(head));
    fd = http_connect(&world);
    http_send(fd, HEALTH, sizeof(HEALTH) - 3);
    http_send(fd, "X: ", 3);
    http_send(fd, head, sizeof(head));
    http_receive(fd, &reply, false);
    assert_int_equal(reply.status, 431);
    close(fd);
    http_ask(&world, HEALTH, &reply);
    assert_int_equal(reply.status, 200);
    http_world_fini(&world);
}

/* The same for clients that do not read: they hold all connections, until
 * they are cut and one is free.  (Their replies are larger than what the
 * sockets between us hold.) */
static void
test_gateway_http_client_that_does_not_read_is_cut(void **state)
{
    int fds[10];

    (void)state;
    start_with("SAGAPIPE_HTTP_TIMEOUT=1s", "SAGAPIPE_HTTP_CONNECTIONS=10");
    for (size_t i = 0; i < ARRAY_COUNT(fds); i++) {
        fds[i] = http_connect(&world);
        for (int request = 0; request < 100; request++)
            http_send(fds[i], LIST, sizeof(LIST) - 1);
    }
    http_ask(&world, HEALTH, &reply);
    assert_int_equal(reply.status, 200);
    for (size_t i = 0; i < ARRAY_COUNT(fds); i++)
        close(fds[i]);
    http_world_fini(&world);
}

/* Its last bytes and its end arrive together; the limit of http_closed() is
 * far below the time-out of idle connections.  The library treats its oldest
 * connection in another way than all others, so that one is not asked. */
static void
test_gateway_http_half_closed_client_is_answered_and_closed(void **state)
{
    int oldest, fd;

    (void)state;
    start_with(NULL, NULL);
    oldest = http_connect(&world);
    http_send(oldest, ORDER, sizeof(ORDER) - 2);
    for (int i = 0; i < 20; i++) {
        fd = http_connect(&world);
        http_send(fd, HEALTH, sizeof(HEALTH) - 1);
        shutdown(fd, SHUT_WR);
        http_receive(fd, &reply, false);
        assert_int_equal(reply.status, 200);
        assert_true(http_closed(fd));
        close(fd);
        fd = http_connect(&world);
        http_send(fd, ORDER, sizeof(ORDER) - 1);
        shutdown(fd, SHUT_WR);
        http_receive(fd, &reply, false);
        assert_int_equal(reply.status, 201);
        assert_true(http_closed(fd));
        close(fd);
    }
    close(oldest);
    http_world_fini(&world);
}

/* A hundred that go in the middle of a request, where ten may be. */
static void
test_gateway_http_cut_requests_hold_no_connection(void **state)
{
    (void)state;
    start_with("SAGAPIPE_HTTP_CONNECTIONS=10", NULL);
    for (size_t i = 0; i < 100; i++) {
        int fd = http_connect(&world);

        http_send(fd, ORDER, (i + 1) * (sizeof(ORDER) - 2) / 100);
        close(fd);
    }
    http_ask(&world, HEALTH, &reply);
    assert_int_equal(reply.status, 200);
    http_world_fini(&world);
}

static void
test_gateway_http_idle_client_is_closed(void **state)
{
    int fd;

    (void)state;
    start_with("SAGAPIPE_HTTP_TIMEOUT=1s", NULL);
    fd = http_connect(&world);
    http_send(fd, HEALTH, sizeof(HEALTH) - 1);
    http_receive(fd, &reply, false);
    assert_int_equal(reply.status, 200);
    assert_true(http_closed(fd));
    close(fd);
    http_world_fini(&world);
}

static void
test_gateway_http_beyond_its_connections_clients_queue(void **state)
{
    int fds[10];
    int queued;

    (void)state;
    start_with("SAGAPIPE_HTTP_CONNECTIONS=10", NULL);
    for (size_t i = 0; i < ARRAY_COUNT(fds); i++) {
        fds[i] = http_connect(&world);
        http_send(fds[i], HEALTH, sizeof(HEALTH) - 1);
        http_receive(fds[i], &reply, false);
        assert_int_equal(reply.status, 200);
    }
    queued = http_connect(&world);
    http_send(queued, HEALTH, sizeof(HEALTH) - 1);
    for (size_t i = 0; i < ARRAY_COUNT(fds); i++)
        close(fds[i]);
    http_receive(queued, &reply, false);
    assert_int_equal(reply.status, 200);
    close(queued);
    http_world_fini(&world);
}

/* Draining: no new connections; old ones are served and closed. */
static void
test_gateway_http_draining_closes_politely(void **state)
{
    struct http_reply ready;
    int old, other;

    (void)state;
    start_with(NULL, NULL);
    atomic_store(&world.shared.bus_up, true);
    old = http_connect(&world);
    other = http_connect(&world);
    http_send(old, HEALTH, sizeof(HEALTH) - 1);
    http_receive(old, &reply, false);
    http_send(other, HEALTH, sizeof(HEALTH) - 1);
    http_receive(other, &reply, false);
    http_world_set(&world, &world.shared.draining);
    http_send(old, READY, sizeof(READY) - 1);
    http_receive(old, &ready, false);
    assert_int_equal(ready.status, 503);
    assert_string_equal(ready.body,
                        "{\"status\":\"draining\",\"broker\":\"up\"}\n");
    assert_true(ready.closed);
    assert_true(http_closed(old));
    assert_int_equal(http_connect(&world), -1);
    http_send(other, ORDER, sizeof(ORDER) - 1);
    http_receive(other, &reply, false);
    assert_int_equal(reply.status, 201);
    assert_true(reply.closed);
    close(old);
    close(other);
    http_world_fini(&world);
}

/* Stopped with requests at the store: each gets 503, nothing aborts. */
static void
test_gateway_http_stopping_answers_who_waits(void **state)
{
    int fds[CONNECTIONS];

    (void)state;
    start_with(NULL, NULL);
    fake_store_hold(world.store, true);
    for (size_t i = 0; i < CONNECTIONS; i++) {
        fds[i] = http_connect(&world);
        http_send(fds[i], ORDER, sizeof(ORDER) - 1);
    }
    assert_true(fake_store_wait(world.store, CONNECTIONS));
    http_world_fini(&world);
    for (size_t i = 0; i < CONNECTIONS; i++) {
        http_receive(fds[i], &reply, false);
        assert_int_equal(reply.status, 503);
        assert_non_null(strstr(reply.body, "/problems/shutting-down"));
        assert_true(reply.closed);
        close(fds[i]);
    }
}

/* What was answered just before the end is told. */
static void
test_gateway_http_stopping_tells_what_was_answered(void **state)
{
    int fd;

    (void)state;
    start_with(NULL, NULL);
    fake_store_hold(world.store, true);
    fd = http_connect(&world);
    http_send(fd, ORDER, sizeof(ORDER) - 1);
    assert_true(fake_store_wait(world.store, 1));
    fake_store_hold(world.store, false);
    fake_store_destroy(&world.store);
    world.store = fake_store_new(world.requests, world.answers);
    http_world_fini(&world);
    http_receive(fd, &reply, false);
    assert_int_equal(reply.status, 201);
    assert_true(http_closed(fd));
    close(fd);
}

#define LIST_BYTES_MAX (1 << 20)

struct reader {
    int fd;
    char *bytes;
    size_t count;
};

/* Reads to the end of the connection. */
static void *
read_all(void *context)
{
    struct reader *reader = context;
    ssize_t count;

    while ((count = recv(reader->fd, reader->bytes + reader->count,
                         LIST_BYTES_MAX - reader->count, 0)) > 0)
        reader->count += (size_t)count;
    return NULL;
}

/* A reply that is under way is sent to its end: here one that is larger than
 * what the sockets between us hold, whose reader comes late. */
static void
test_gateway_http_stopping_cuts_no_reply(void **state)
{
    static const char field[] = "Content-Length: ";
    struct reader reader = { .bytes = calloc(1, LIST_BYTES_MAX + 1) };
    struct pollfd begun = { .events = POLLIN };
    const int small = 8192;
    const char *length, *body;
    pthread_t thread;

    (void)state;
    assert_non_null(reader.bytes);
    http_world_init(&world, NULL);
    setsockopt(world.http->listen_fd, SOL_SOCKET, SO_SNDBUF, &small,
               sizeof(small));
    http_world_start(&world);
    reader.fd = begun.fd = http_connect(&world);
    http_send(reader.fd, LIST, sizeof(LIST) - 1);
    assert_int_equal(poll(&begun, 1, HTTP_WAIT_MS), 1);
    assert_int_equal(pthread_create(&thread, NULL, read_all, &reader), 0);
    http_world_fini(&world);
    pthread_join(thread, NULL);
    length = strstr(reader.bytes, field);
    body = strstr(reader.bytes, "\r\n\r\n");
    assert_true(length != NULL && body != NULL);
    assert_int_equal(reader.bytes + reader.count - body - 4,
                     strtol(length + sizeof(field) - 1, NULL, 10));
    close(reader.fd);
    free(reader.bytes);
}

static void
test_gateway_http_opened_but_never_started_closes(void **state)
{
    (void)state;
    http_world_init(&world, NULL);
    http_world_fini(&world);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gateway_http_silent_store_gets_503),
        cmocka_unit_test(test_gateway_http_hung_up_client_does_no_harm),
        cmocka_unit_test(test_gateway_http_stuck_store_overloads),
        cmocka_unit_test(test_gateway_http_many_wait_and_all_are_answered),
        cmocka_unit_test(test_gateway_http_slow_client_is_cut),
        cmocka_unit_test(test_gateway_http_request_that_drips_is_cut),
        cmocka_unit_test(test_gateway_http_idle_time_is_not_the_requests),
        cmocka_unit_test(test_gateway_http_head_beyond_its_memory_is_refused),
        cmocka_unit_test(test_gateway_http_client_that_does_not_read_is_cut),
        cmocka_unit_test(
            test_gateway_http_half_closed_client_is_answered_and_closed),
        cmocka_unit_test(test_gateway_http_cut_requests_hold_no_connection),
        cmocka_unit_test(test_gateway_http_idle_client_is_closed),
        cmocka_unit_test(
            test_gateway_http_beyond_its_connections_clients_queue),
        cmocka_unit_test(test_gateway_http_draining_closes_politely),
        cmocka_unit_test(test_gateway_http_stopping_answers_who_waits),
        cmocka_unit_test(test_gateway_http_stopping_tells_what_was_answered),
        cmocka_unit_test(test_gateway_http_stopping_cuts_no_reply),
        cmocka_unit_test(test_gateway_http_opened_but_never_started_closes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
