/*
 * test_http_scarce.c - what the gateway refuses because there is too little of
 * something: memory for an answer, room for a target, requests that an address
 * may send, requests that the store may have under way
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <unistd.h>

#include "../support/http_world.h"

/* More than any machine gives; malloc() says so. */
#define ROOM_BYTES (SIZE_MAX / 4)
#define ORDER                                                                  \
    "POST /orders HTTP/1.1\r\nHost: localhost\r\nContent-Length: 26\r\n"       \
    "Content-Type: application/json\r\n\r\n{\"userId\":1,\"productId\":1}"

static void
test_http_call_without_memory_says_so(void **state)
{
    static const struct http_facts facts = { .currency = "USD", .url = "" };
    struct http_call *call = calloc(1, sizeof *call);

    (void)state;
    assert_non_null(call);
    http_call_init(call, &facts);
    assert_false(http_call_room(call, ROOM_BYTES));
    assert_int_equal(call->problem.type, PROBLEM_MEMORY);
    http_call_reply(call);
    assert_int_equal(call->status, 503);
    text_end(&call->text);
    assert_non_null(strstr(call->text.data, "/problems/out-of-memory"));
    http_call_fini(call);
    free(call);
}

static void
test_http_address_above_its_rate_is_refused(void **state)
{
    static const char *const knobs[] = { "SAGAPIPE_HTTP_RATE=1", NULL };
    struct http_world world;
    struct http_reply reply;
    char value[256];
    int refused = 0;

    (void)state;
    http_world_init(&world, knobs);
    http_world_start(&world);
    /* One in a second: of three at once, one at least is too many. */
    for (int i = 0; i < 3; i++) {
        http_ask_json(&world, "GET", "/healthz", NULL, &reply);
        if (reply.status != 429)
            continue;
        refused++;
        assert_non_null(strstr(reply.body, "/problems/too-many-requests"));
        assert_true(http_header(&reply, "Retry-After", value));
    }
    assert_true(refused > 0);
    http_world_fini(&world);
}

static void
test_http_target_over_its_limit_is_refused(void **state)
{
    static const struct http_facts facts = { .currency = "USD", .url = "" };
    static struct http_call call;
    char target[HTTP_TARGET_BYTES];

    (void)state;
    memset(target, 'a', sizeof target);
    target[0] = '/';
    http_call_init(&call, &facts);
    http_call_target(&call, target, sizeof target - 1);
    assert_int_equal(call.problem.type, PROBLEM_NONE);
    http_call_init(&call, &facts);
    http_call_target(&call, target, sizeof target);
    assert_int_equal(call.problem.type, PROBLEM_TARGET_SIZE);
    assert_int_equal(call.problem.limit, sizeof target - 1);
}

/* One that the store holds until the gateway gives it up. */
static void
ask_in_vain(const struct http_world *world, struct http_reply *reply)
{
    http_ask_json(world, "POST", "/orders", "{\"userId\":1,\"productId\":1}",
                  reply);
    assert_int_equal(reply->status, 503);
}

/* What was given up is still the store's: of that, too, there is an end. */
static void
test_http_store_that_holds_all_overloads(void **state)
{
    static const char *const knobs[] = { "SAGAPIPE_REPLY_TIMEOUT=100ms",
                                         "SAGAPIPE_HTTP_CONNECTIONS=10",
                                         NULL };
    struct http_world world;
    struct http_reply reply;
    int waiting[8];

    (void)state;
    http_world_init(&world, knobs);
    http_world_start(&world);
    fake_store_hold(world.store, true);
    for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i < ARRAY_COUNT(waiting); i++) {
            waiting[i] = http_connect(&world);
            http_send(waiting[i], ORDER, sizeof ORDER - 1);
        }
        for (size_t i = 0; i < ARRAY_COUNT(waiting); i++) {
            http_receive(waiting[i], &reply, false);
            close(waiting[i]);
        }
    }
    ask_in_vain(&world, &reply);
    assert_non_null(strstr(reply.body, "/problems/overloaded"));
    http_world_fini(&world);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_call_without_memory_says_so),
        cmocka_unit_test(test_http_target_over_its_limit_is_refused),
        cmocka_unit_test(test_http_store_that_holds_all_overloads),
        cmocka_unit_test(test_http_address_above_its_rate_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
