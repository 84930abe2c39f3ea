#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "../support/http_world.h"

/* Idempotency-Key, cancels and commands to accounts, over real sockets. */

static struct http_world world;
static struct http_reply reply;

static int
start(void **state)
{
    (void)state;
    http_world_init(&world, NULL);
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
assert_header(const char *name, const char *expected)
{
    char value[256] = "(none)";

    http_header(&reply, name, value);
    assert_string_equal(value, expected);
}

#define STAMP "\"2026-11-22T13:05:07.123Z\""

/* POST /orders with these header lines. */
static void
place(const char *lines)
{
    static const char body[] = "{\"userId\":1,\"productId\":1}";
    char text[1024];

    snprintf(text, sizeof text,
             "POST /orders HTTP/1.1\r\nHost: localhost\r\n%s"
             "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
             lines, sizeof body - 1, body);
    http_ask(&world, text, &reply);
}

static void
test_gateway_http_key_reaches_the_store(void **state)
{
    (void)state;
    place("Idempotency-Key: a/b-1\r\n");
    assert_int_equal(reply.status, 201);
    assert_header("Idempotency-Replayed", "(none)");
    assert_string_equal(fake_store_last(world.store).key, "a/b-1");
    place("");
    assert_int_equal(reply.status, 201);
    assert_string_equal(fake_store_last(world.store).key, "");
}

static void
test_gateway_http_replay_is_told(void **state)
{
    (void)state;
    place("idempotency-key: again\r\n");
    assert_int_equal(reply.status, 201);
    assert_header("Idempotency-Replayed", "true");
    assert_header("Location", "/orders/1");
}

static void
test_gateway_http_bad_key_is_refused(void **state)
{
    static const char *const lines[] = {
        "Idempotency-Key: a b\r\n", "Idempotency-Key:\r\n",
        "Idempotency-Key: \xc3\xa4\r\n",
        "Idempotency-Key: a\r\nIdempotency-Key: a\r\n",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(lines); i++) {
        place(lines[i]);
        if (reply.status != 400 ||
            strstr(reply.body, "\"/problems/bad-idempotency-key\"") == NULL)
            fail_msg("%s: %d %s", lines[i], reply.status, reply.body);
        assert_non_null(strstr(reply.body,
                               "\"field\":\"Idempotency-Key\""));
        assert_false(reply.closed);
    }
    /* Where there are no keys, nobody looks at one. */
    http_ask(&world, "GET /orders/1 HTTP/1.1\r\nHost: localhost\r\n"
                     "Idempotency-Key: a b\r\n\r\n", &reply);
    assert_int_equal(reply.status, 200);
}

static void
test_gateway_http_key_conflict_names_the_field(void **state)
{
    (void)state;
    fake_store_outcome(world.store, REQUEST_KEY_CONFLICT);
    place("Idempotency-Key: a\r\n");
    assert_int_equal(reply.status, 422);
    assert_non_null(strstr(reply.body, "\"field\":\"productId\""));
    assert_non_null(strstr(reply.body, "order 7"));
    assert_header("Location", "(none)");
}

static void
test_gateway_http_cancel_is_accepted(void **state)
{
    (void)state;
    http_ask_json(&world, "DELETE", "/orders/5", NULL, &reply);
    assert_int_equal(reply.status, 202);
    assert_header("Location", "/orders/5");
    assert_non_null(strstr(reply.body, "{\"id\":5,"));
    assert_non_null(strstr(reply.body, ",\"cancelRequestedAt\":" STAMP "}"));
    assert_int_equal(fake_store_last(world.store).kind, REQUEST_ORDER_CANCEL);
    assert_int_equal(fake_store_last(world.store).order_id.value, 5);
}

static void
test_gateway_http_ended_order_tells_its_state(void **state)
{
    (void)state;
    fake_store_outcome(world.store, REQUEST_ENDED);
    http_ask_json(&world, "DELETE", "/orders/5", NULL, &reply);
    assert_int_equal(reply.status, 409);
    assert_non_null(strstr(reply.body, "\"state\":\"ORDER_COMPLETED\""));
}

static void
test_gateway_http_parked_order_shows_it(void **state)
{
    (void)state;
    http_ask_json(&world, "GET", "/orders/13", NULL, &reply);
    assert_non_null(strstr(reply.body,
        "\"parked\":{\"participant\":\"payment\",\"topic\":\"orders\","
        "\"cause\":\"refused\",\"attempts\":3,\"since\":" STAMP "}"));
    http_ask_json(&world, "GET", "/orders/12", NULL, &reply);
    assert_null(strstr(reply.body, "\"parked\""));
}

static void
test_gateway_http_credit_is_accepted(void **state)
{
    (void)state;
    http_ask_json(&world, "POST", "/users/6/credits",
                  "{\"amount\":25.00,\"creditId\":7}", &reply);
    assert_int_equal(reply.status, 202);
    assert_header("Location", "/users/6");
    assert_string_equal(reply.body,
                        "{\"userId\":6,\"creditId\":7,\"amount\":25.00}\n");
    assert_int_equal(fake_store_last(world.store).user.value, 6);
    assert_int_equal(fake_store_last(world.store).amount.minor, 2500);
    http_ask_json(&world, "POST", "/users/6/credits", "{\"amount\":\"0.01\"}",
                  &reply);
    assert_string_equal(reply.body,
                        "{\"userId\":6,\"creditId\":99,\"amount\":0.01}\n");
}

static const struct {
    const char *body;
    int status;
    const char *type;
    const char *field;
} bad_credits[] = {
    { "{}", 400, "missing-field", "amount" },
    { "{\"amount\":0}", 422, "out-of-range", "amount" },
    { "{\"amount\":-1}", 422, "out-of-range", "amount" },
    { "{\"amount\":0.001}", 422, "out-of-range", "amount" },
    { "{\"amount\":true}", 400, "wrong-type", "amount" },
    { "{\"amount\":1,\"creditId\":0}", 422, "out-of-range", "creditId" },
    { "{\"amount\":1,\"creditId\":\"7\"}", 400, "wrong-type", "creditId" },
    { "{\"amount\":1,\"userId\":6}", 400, "unknown-field", "userId" },
};

static void
test_gateway_http_bad_credit_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(bad_credits); i++) {
        char type[64], field[64];

        http_ask_json(&world, "POST", "/users/6/credits", bad_credits[i].body,
                      &reply);
        snprintf(type, sizeof type, "\"/problems/%s\"", bad_credits[i].type);
        snprintf(field, sizeof field, "\"field\":\"%s\"",
                 bad_credits[i].field);
        if (reply.status != bad_credits[i].status ||
            strstr(reply.body, type) == NULL ||
            strstr(reply.body, field) == NULL)
            fail_msg("%s: %d %s", bad_credits[i].body, reply.status,
                     reply.body);
    }
}

static void
test_gateway_http_freeze_and_thaw_are_accepted(void **state)
{
    (void)state;
    http_ask_json(&world, "POST", "/users/6/freeze", NULL, &reply);
    assert_int_equal(reply.status, 202);
    assert_header("Location", "/users/6");
    assert_int_equal(fake_store_last(world.store).kind, REQUEST_USER_FREEZE);
    http_ask_json(&world, "POST", "/users/6/thaw", NULL, &reply);
    assert_int_equal(reply.status, 202);
    assert_non_null(strstr(reply.body, "{\"id\":6,"));
    assert_int_equal(fake_store_last(world.store).kind, REQUEST_USER_THAW);
    assert_int_equal(fake_store_last(world.store).user.value, 6);
}

static void
test_gateway_http_503_says_when_to_come_again(void **state)
{
    (void)state;
    fake_store_outcome(world.store, REQUEST_DISK);
    place("");
    assert_int_equal(reply.status, 503);
    assert_non_null(strstr(reply.body, "\"/problems/disk-floor\""));
    assert_header("Retry-After", "17");
    fake_store_outcome(world.store, REQUEST_BACKLOG);
    place("");
    assert_header("Retry-After", "1");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_gateway_http_key_reaches_the_store),
        TEST(test_gateway_http_replay_is_told),
        TEST(test_gateway_http_bad_key_is_refused),
        TEST(test_gateway_http_key_conflict_names_the_field),
        TEST(test_gateway_http_cancel_is_accepted),
        TEST(test_gateway_http_ended_order_tells_its_state),
        TEST(test_gateway_http_parked_order_shows_it),
        TEST(test_gateway_http_credit_is_accepted),
        TEST(test_gateway_http_bad_credit_is_refused),
        TEST(test_gateway_http_freeze_and_thaw_are_accepted),
        TEST(test_gateway_http_503_says_when_to_come_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
