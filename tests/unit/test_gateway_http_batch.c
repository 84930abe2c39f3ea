#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../support/http_world.h"
#include "gateway/http_batch.h"
#include "gateway/line_reader.h"

/* Many orders in one request: what the http thread makes of it. */

#define LINE "{\"userId\":1,\"productId\":1}\n"

static struct http_world world;
static struct http_reply reply;

static void
start_with(const char *knob)
{
    const char *const knobs[] = { knob, NULL };

    http_world_init(&world, knobs);
    http_world_start(&world);
}

/* Sends the request; its reply is not read. */
static int
send_batch(const char *lines, size_t bytes)
{
    char head[256];
    int fd = http_connect(&world);

    snprintf(head, sizeof head,
             "POST /orders HTTP/1.1\r\nHost: localhost\r\n"
             "Content-Type: application/x-ndjson\r\nContent-Length: %zu"
             "\r\n\r\n", bytes);
    http_send(fd, head, strlen(head));
    http_send(fd, lines, bytes);
    return fd;
}

static char *
many_lines(size_t count)
{
    size_t bytes = sizeof LINE - 1;
    char *lines = malloc(count * bytes + 1);

    for (size_t i = 0; i < count; i++)
        memcpy(lines + i * bytes, LINE, bytes);
    lines[count * bytes] = '\0';
    return lines;
}

static char text[1 << 22]; /* the reply */

/* Reads to the end of a chunked reply. */
static void
receive_text(int fd)
{
    size_t used = 0;
    ssize_t got;

    do {
        got = recv(fd, text + used, sizeof text - 1 - used, 0);
        used += got > 0 ? (size_t)got : 0;
        text[used] = '\0';
    } while (got > 0 &&
             (used < 5 || strcmp(text + used - 5, "0\r\n\r\n") != 0));
    close(fd);
}

static size_t
count_of(const char *word)
{
    size_t count = 0;

    for (const char *at = text; (at = strstr(at, word)) != NULL; at++)
        count++;
    return count;
}

/* The same; how many of its lines have `word`. */
static size_t
receive_lines(int fd, const char *word)
{
    receive_text(fd);
    return count_of(word);
}

static void
test_gateway_http_batch_is_answered_by_line(void **state)
{
    static const char lines[] = LINE "\n{\"userId\":1}\n" LINE;

    (void)state;
    start_with(NULL);
    assert_int_equal(receive_lines(send_batch(lines, sizeof lines - 1),
                                   "\"order\":"), 2);
    assert_int_equal(receive_lines(send_batch(lines, sizeof lines - 1),
                                   "{\"line\":3,\"problem\":{\"type\":"
                                   "\"/problems/missing-field\""), 1);
    assert_int_equal(receive_lines(send_batch("", 0), "line"), 0);
    http_world_fini(&world);
}

/* More lines than the window has, and two connections at once. */
static void
test_gateway_http_batch_of_many_chunks(void **state)
{
    const size_t count = 3 * BATCH_WINDOW * BATCH_CHUNK_LINES + 1;
    char *lines = many_lines(count);
    int fds[2];

    (void)state;
    start_with(NULL);
    for (size_t i = 0; i < ARRAY_COUNT(fds); i++)
        fds[i] = send_batch(lines, strlen(lines));
    for (size_t i = 0; i < ARRAY_COUNT(fds); i++)
        assert_int_equal(receive_lines(fds[i], "\"order\":"), count);
    free(lines);
    http_world_fini(&world);
}

/* No line is told twice, in whatever pieces the results leave. */
static void
test_gateway_http_batch_with_little_memory(void **state)
{
    char *lines = many_lines(1000);

    (void)state;
    start_with("SAGAPIPE_HTTP_HEADER=4k");
    assert_int_equal(receive_lines(send_batch(lines, strlen(lines)),
                                   "\"order\":"), 1000);
    free(lines);
    http_world_fini(&world);
}

/* It holds up itself: the store has no more than the window. */
static void
test_gateway_http_batch_asks_no_more_than_its_window(void **state)
{
    char *lines = many_lines(10 * BATCH_CHUNK_LINES);
    int fd;

    (void)state;
    start_with(NULL);
    fake_store_hold(world.store, true);
    fd = send_batch(lines, strlen(lines));
    assert_true(fake_store_wait(world.store, BATCH_WINDOW));
    http_ask_json(&world, "GET", "/healthz", NULL, &reply);
    assert_int_equal(fake_store_count(world.store), BATCH_WINDOW);
    close(fd);
    free(lines);
    http_world_fini(&world);
}

static void
test_gateway_http_batch_the_store_refuses(void **state)
{
    (void)state;
    start_with(NULL);
    fake_store_outcome(world.store, REQUEST_BACKLOG);
    assert_int_equal(receive_lines(send_batch(LINE LINE, 2 * sizeof LINE - 2),
                                   "/problems/backlog-full"), 2);
    http_world_fini(&world);
}

static void
test_gateway_http_batch_silent_store_is_told(void **state)
{
    char *lines = many_lines(1000);

    (void)state;
    start_with("SAGAPIPE_REPLY_TIMEOUT=100ms");
    fake_store_hold(world.store, true);
    assert_int_equal(receive_lines(send_batch(lines, strlen(lines)),
                                   "{\"line\":1,\"problem\":{\"type\":"
                                   "\"/problems/store-timeout\""), 1);
    /* What comes too late does no harm. */
    fake_store_hold(world.store, false);
    assert_int_equal(receive_lines(send_batch(LINE, sizeof LINE - 1),
                                   "\"order\":"), 1);
    free(lines);
    http_world_fini(&world);
}

/* Its client goes in the middle, politely or not; so does the gateway, while
 * the store still has chunks. */
static void
test_gateway_http_batch_whose_client_hangs_up(void **state)
{
    char *lines = many_lines(2000);

    (void)state;
    start_with(NULL);
    fake_store_hold(world.store, true);
    for (uint64_t i = 1; i <= 10; i++) {
        struct linger at_once = { .l_onoff = 1, .l_linger = 0 };
        int fd = send_batch(lines, i < 6 ? 1000 * i : strlen(lines));

        if (i >= 6)
            assert_true(fake_store_wait(world.store, 2 * (i - 5)));
        if (i % 2 == 0)
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        close(fd);
    }
    fake_store_hold(world.store, false);
    assert_int_equal(receive_lines(send_batch(LINE, sizeof LINE - 1),
                                   "\"order\":"), 1);
    fake_store_hold(world.store, true);
    close(send_batch(lines, strlen(lines)));
    free(lines);
    http_world_fini(&world);
}

/* Asked to stop, a batch tells what it has asked, and where it ends. */
static void
test_gateway_http_batch_ends_when_we_stop(void **state)
{
    char *lines = many_lines(10 * BATCH_CHUNK_LINES);
    static const char ready[] = "GET /readyz HTTP/1.1\r\n"
                                "Host: localhost\r\n\r\n";
    int fd, old;

    (void)state;
    start_with(NULL);
    fake_store_hold(world.store, true);
    old = http_connect(&world);
    fd = send_batch(lines, strlen(lines));
    assert_true(fake_store_wait(world.store, BATCH_WINDOW));
    http_world_set(&world, &world.shared.draining);
    http_send(old, ready, sizeof ready - 1);
    http_receive(old, &reply, false);
    assert_int_equal(reply.status, 503); /* it has seen that we drain */
    close(old);
    fake_store_hold(world.store, false);
    assert_int_equal(receive_lines(fd, "{\"line\":513,\"problem\":{\"type\":"
                                       "\"/problems/shutting-down\""), 1);
    free(lines);
    http_world_fini(&world);
}

/* The store never answers: the last word comes when the thread ends. */
static void
test_gateway_http_batch_ends_when_the_store_has_ended(void **state)
{
    char *lines = many_lines(BATCH_CHUNK_LINES);
    int fd;

    (void)state;
    start_with(NULL);
    fake_store_hold(world.store, true);
    fd = send_batch(lines, strlen(lines));
    assert_true(fake_store_wait(world.store, 1));
    http_world_fini(&world);
    assert_int_equal(receive_lines(fd, "{\"line\":1,\"problem\":{\"type\":"
                                       "\"/problems/shutting-down\""), 1);
    free(lines);
}

/* What is refused from the head: its reply comes before the body is there. */
static void
test_gateway_http_batch_has_bounds(void **state)
{
    static const struct {
        const char *name;
        const char *head;
        int status;
        const char *problem;
    } heads[] = {
        { "too_large",
          "POST /orders HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8193\r\n"
          "Content-Type: application/x-ndjson\r\n\r\n",
          413, "/problems/body-too-large" },
        { "elsewhere_it_is_a_body_as_any",
          "POST /users HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8000\r\n"
          "Content-Type: application/x-ndjson\r\n\r\n",
          413, "\"limit\":2048" },
        { "elsewhere_it_is_no_media_type",
          "POST /users HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n"
          "Content-Type: application/x-ndjson\r\n\r\n{}",
          415, "/problems/unsupported-media-type" },
        { "key_of_all",
          "POST /orders HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n"
          "Idempotency-Key: a\r\n"
          "Content-Type: application/x-ndjson\r\n\r\n{}",
          400, "/problems/bad-idempotency-key" },
        { "two_types",
          "POST /orders HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n"
          "Content-Type: application/json\r\n"
          "Content-Type: application/x-ndjson\r\n\r\n{}",
          415, "/problems/unsupported-media-type" },
    };
    const char *const knobs[] = { "SAGAPIPE_HTTP_NDJSON=8k",
                                  "SAGAPIPE_HTTP_BODY=2k", NULL };

    (void)state;
    http_world_init(&world, knobs);
    http_world_start(&world);
    for (size_t i = 0; i < ARRAY_COUNT(heads); i++) {
        http_ask(&world, heads[i].head, &reply);
        if (reply.status != heads[i].status ||
            strstr(reply.body, heads[i].problem) == NULL)
            fail_msg("%s: %d %s", heads[i].name, reply.status, reply.body);
    }
    http_world_fini(&world);
}

static void
start_with_small_bodies(void)
{
    const char *const knobs[] = { "SAGAPIPE_HTTP_NDJSON=4k",
                                  "SAGAPIPE_HTTP_BODY=256", NULL };

    http_world_init(&world, knobs);
    http_world_start(&world);
}

static void
assert_small_batch_is_taken(void)
{
    int fd = send_batch(LINE, sizeof LINE - 1);

    assert_int_equal(receive_lines(fd, "\"order\":"), 1);
}

/* What one turn reads is bounded: where it finds no line in that, the body is
 * not at its end, and the order of the lines stays. */
static void
test_gateway_http_batch_036_far_apart_lines_are_all_answered(void **state)
{
    static const size_t gaps[] = { 0, 1, LINE_READER_BYTES - 1,
                                   LINE_READER_BYTES, 5 * LINE_READER_BYTES,
                                   LINE_READER_BYTES + 1 };
    size_t bytes = 12 * LINE_READER_BYTES, used = 0, line = 1;
    char *body = malloc(bytes), results[ARRAY_COUNT(gaps)][64];
    int fd;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(gaps); i++) {
        memset(body + used, '\n', gaps[i]);
        used += gaps[i];
        line += gaps[i];
        snprintf(results[i], sizeof results[i], "{\"line\":%zu,\"order\":",
                 line++);
        memcpy(body + used, LINE, sizeof LINE - 1);
        used += sizeof LINE - 1;
    }
    memset(body + used, '\n', bytes - used);
    start_with(NULL);
    fd = send_batch(body, bytes);
    receive_text(fd);
    assert_int_equal(count_of("\"line\":"), ARRAY_COUNT(gaps));
    for (size_t i = 0; i < ARRAY_COUNT(gaps); i++)
        assert_int_equal(count_of(results[i]), 1);
    for (size_t i = 1; i < ARRAY_COUNT(gaps); i++)
        assert_true(strstr(text, results[i - 1]) < strstr(text, results[i]));
    memset(body, '\n', bytes);
    assert_int_equal(receive_lines(send_batch(body, bytes), "line"), 0);
    free(body);
    http_world_fini(&world);
}

/* Large bodies that are under way are counted, and counted down at their end.
 * They refuse no small one: four heads that announce much and send nothing
 * refused all batches, for as long as a request may take. */
static void
test_gateway_http_batch_035_large_bodies_have_a_sum(void **state)
{
    static const char head[] =
        "POST /orders HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4096\r\n"
        "Content-Type: application/x-ndjson\r\n\r\n";
    int fds[BATCH_BODIES_MAX + 1];

    (void)state;
    start_with_small_bodies();
    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 0; i <= BATCH_BODIES_MAX; i++) {
            fds[i] = http_connect(&world);
            http_send(fds[i], head, sizeof head - 1);
            http_send(fds[i], LINE, sizeof LINE - 1);
            if (i < BATCH_BODIES_MAX)
                http_ask_json(&world, "GET", "/healthz", NULL, &reply);
        }
        http_receive(fds[BATCH_BODIES_MAX], &reply, false);
        assert_int_equal(reply.status, 503);
        assert_non_null(strstr(reply.body, "/problems/overloaded"));
        assert_small_batch_is_taken();
        for (size_t i = 0; i <= BATCH_BODIES_MAX; i++) {
            shutdown(fds[i], SHUT_WR);
            http_receive(fds[i], &reply, false);
            close(fds[i]);
        }
    }
    http_world_fini(&world);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gateway_http_batch_is_answered_by_line),
        cmocka_unit_test(test_gateway_http_batch_of_many_chunks),
        cmocka_unit_test(test_gateway_http_batch_with_little_memory),
        cmocka_unit_test(test_gateway_http_batch_asks_no_more_than_its_window),
        cmocka_unit_test(test_gateway_http_batch_the_store_refuses),
        cmocka_unit_test(test_gateway_http_batch_silent_store_is_told),
        cmocka_unit_test(test_gateway_http_batch_whose_client_hangs_up),
        cmocka_unit_test(test_gateway_http_batch_ends_when_we_stop),
        cmocka_unit_test(
            test_gateway_http_batch_ends_when_the_store_has_ended),
        cmocka_unit_test(test_gateway_http_batch_has_bounds),
        cmocka_unit_test(
            test_gateway_http_batch_036_far_apart_lines_are_all_answered),
        cmocka_unit_test(test_gateway_http_batch_035_large_bodies_have_a_sum),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
