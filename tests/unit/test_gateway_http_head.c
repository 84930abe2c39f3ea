#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../support/http_world.h"

/* Heads of every size around the limit: each answer is whole, and no order is
 * placed without one. */

#define HEAD_MAX 4096
#define ORDER "{\"userId\":1,\"productId\":1}"
#define LINES                                                                  \
    " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"       \
    "Content-Length: 26\r\n"

static struct http_world world;
static struct http_reply reply;
static char text[65536];
static size_t text_bytes;

static int
start(void **state)
{
    static const char *const knobs[] = { "SAGAPIPE_HTTP_HEADER=4096", NULL };

    (void)state;
    http_world_init(&world, knobs);
    http_world_start(&world);
    return 0;
}

static int
stop(void **state)
{
    (void)state;
    http_world_fini(&world);
    return 0;
}

static void
add(const char *words)
{
    size_t bytes = strlen(words);

    assert_true(text_bytes + bytes < sizeof text);
    memcpy(text + text_bytes, words, bytes + 1);
    text_bytes += bytes;
}

static void
add_times(const char *words, size_t count)
{
    while (count-- > 0)
        add(words);
}

/* Asks what is in text, with `behind` bytes of the next request.  True if the
 * order was placed, and then it was answered. */
static bool
ask(size_t behind)
{
    uint64_t before = fake_store_count(world.store);

    add("\r\n" ORDER);
    if (behind > 0) {
        add("GET /");
        add_times("x", behind);
    }
    http_ask(&world, text, &reply);
    if (fake_store_count(world.store) == before)
        return false;
    assert_int_equal(reply.status, 201);
    assert_non_null(strstr(reply.body, "ORDER_CREATED"));
    return true;
}

static bool
is_too_large(void)
{
    return reply.status == 431 &&
           strstr(reply.body, "\"/problems/head-too-large\"") != NULL &&
           strstr(reply.body, "\"limit\":4096}") != NULL;
}

static void
test_http_head_034_beyond_the_limit_says_so(void **state)
{
    (void)state;
    text_bytes = 0;
    add("POST /orders" LINES "X: ");
    add_times("x", HEAD_MAX);
    add("\r\n");
    assert_false(ask(0));
    assert_int_equal(reply.status, 431);
    assert_non_null(strstr(reply.body, "\"/problems/head-too-large\""));
}

static void
test_http_head_034_every_size_around_the_limit_is_answered(void **state)
{
    (void)state;
    for (size_t bytes = HEAD_MAX - 500; bytes <= HEAD_MAX + 500; bytes++) {
        text_bytes = 0;
        add("POST /orders" LINES "X: ");
        add_times("x", bytes - text_bytes - 4);
        add("\r\n");
        if (ask(0) != (bytes <= HEAD_MAX) ||
            (bytes > HEAD_MAX && !is_too_large()))
            fail_msg("%zu bytes: status %d", bytes, reply.status);
    }
}

static const struct {
    const char *name;
    const char *before; /* the parts */
    const char *part;
    const char *after;
    size_t max;         /* parts */
    size_t behind;
} shapes[] = {
    { "headers", "POST /orders" LINES, "a:b\r\n", "", 300, 0 },
    { "headers_and_read_ahead", "POST /orders" LINES, "a:b\r\n", "", 300,
      20000 },
    { "long_headers", "POST /orders" LINES, "a:bcdefghijklmnopqrstuvw\r\n", "",
      200, 0 },
    { "long_headers_and_read_ahead", "POST /orders" LINES,
      "a:bcdefghijklmnopqrstuvw\r\n", "", 200, 20000 },
    { "cookies", "POST /orders" LINES "Cookie: a=b", ";abcdefgh=b", "\r\n",
      200, 0 },
    { "cookies_and_read_ahead", "POST /orders" LINES "Cookie: a=b",
      ";abcdefgh=b", "\r\n", 200, 20000 },
    /* Beyond that the library has no memory to read the headers, and waits. */
    { "parameters", "POST /orders?a", "&b", LINES, 80, 0 },
};

/* The library keeps a struct for each: many small ones take more memory than
 * the head itself.  Where even that is at its end it may close without a word,
 * but nothing is placed then. */
static void
test_http_head_034_many_parts_are_answered_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(shapes); i++) {
        size_t refused = 0;

        for (size_t count = 0; count < shapes[i].max; count++) {
            text_bytes = 0;
            add(shapes[i].before);
            add_times(shapes[i].part, count);
            add(shapes[i].after);
            if (ask(shapes[i].behind) || reply.status == 400)
                assert_int_equal(refused, 0);
            else if (is_too_large())
                refused++;
            else
                assert_true(refused > 0);
        }
        if (refused == 0)
            fail_msg("%s", shapes[i].name);
    }
}

/* The largest head of all, with what browsers send beside. */
static void
test_http_head_034_forty_headers_fit_beside_the_largest_head(void **state)
{
    (void)state;
    text_bytes = 0;
    add("POST /orders" LINES);
    add_times("a:b\r\n", 40);
    add("X: ");
    add_times("x", HEAD_MAX - text_bytes - 4);
    add("\r\n");
    assert_true(ask(20000));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_http_head_034_beyond_the_limit_says_so),
        TEST(test_http_head_034_every_size_around_the_limit_is_answered),
        TEST(test_http_head_034_many_parts_are_answered_or_refused),
        TEST(test_http_head_034_forty_headers_fit_beside_the_largest_head),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
