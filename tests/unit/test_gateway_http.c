#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../support/http_world.h"

/* What is right, and what is refused, over real sockets. */

static struct http_world world;
static struct http_reply reply;

static int
start(void **state)
{
    static const char *const knobs[] = { "SAGAPIPE_HTTP_BODY=2k", NULL };

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
assert_header(const char *name, const char *expected)
{
    char value[256] = "(none)";

    http_header(&reply, name, value);
    assert_string_equal(value, expected);
}

static void
test_gateway_http_order_is_created(void **state)
{
    (void)state;
    http_ask_json(&world, "POST", "/orders",
                  "{\"userId\":2,\"productId\":3,\"quantity\":4}", &reply);
    assert_int_equal(reply.status, 201);
    assert_header("Location", "/orders/1");
    assert_header("Content-Type", "application/json");
    assert_non_null(strstr(reply.body, "{\"id\":1,\"userId\":2,"
                                       "\"productId\":3,\"quantity\":4,"
                                       "\"price\":50.00,"));
    assert_false(reply.closed);
    assert_int_equal(fake_store_last(world.store).kind, REQUEST_ORDER_PLACE);
}

static void
test_gateway_http_quantity_left_out_is_one(void **state)
{
    (void)state;
    http_ask_json(&world, "POST", "/orders", "{\"userId\":2,\"productId\":3}",
                  &reply);
    assert_int_equal(reply.status, 201);
    assert_int_equal(fake_store_last(world.store).quantity, 1);
}

#define TRACE "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

static void
test_gateway_http_traceparent_goes_along(void **state)
{
    (void)state;
    http_ask(&world, "GET /orders/1 HTTP/1.1\r\nHost: localhost\r\n"
                     "traceparent: " TRACE "\r\n\r\n", &reply);
    assert_int_equal(reply.status, 200);
    assert_string_equal(fake_store_last(world.store).traceparent, TRACE);
    http_ask(&world, "GET /orders/1 HTTP/1.1\r\nHost: localhost\r\n"
                     "traceparent: x\r\n\r\n", &reply);
    assert_int_equal(reply.status, 200);
    assert_string_equal(fake_store_last(world.store).traceparent, "");
}

static void
test_gateway_http_user_is_opened(void **state)
{
    (void)state;
    http_ask_json(&world, "POST", "/users",
                  "{\"userId\":6,\"balance\":\"100.05\"}", &reply);
    assert_int_equal(reply.status, 202);
    assert_header("Location", "/users/6");
    assert_string_equal(reply.body, "{\"id\":6,\"balance\":100.05,"
                                    "\"state\":\"OPENING\"}\n");
}

static const struct {
    const char *target;
    enum request_kind kind;
    const char *media_type;
    const char *begins;
} gets[] = {
    { "/orders/3", REQUEST_ORDER_GET, "application/json", "{\"id\":3," },
    { "/orders?limit=2", REQUEST_ORDER_LIST, "application/json",
      "[{\"id\":1," },
    { "/products", REQUEST_PRODUCT_LIST, "application/json",
      "[{\"id\":1,\"price\":50.00}," },
    { "/users", REQUEST_USER_LIST, "application/json",
      "[{\"id\":1,\"balance\":100.00,\"state\":\"ACTIVE\"}," },
    { "/users/3", REQUEST_USER_GET, "application/json", "{\"id\":3," },
    { "/transactions", REQUEST_TRANSACTION_LIST, "application/json",
      "[{\"id\":1,\"orderId\":1," },
    { "/transactions/3", REQUEST_TRANSACTION_GET, "application/json",
      "{\"id\":3," },
    { "/metrics", REQUEST_METRICS,
      "text/plain; version=0.0.4; charset=utf-8",
      "# HELP sagapipe_orders_total " },
    { "/status", REQUEST_STATUS, "application/json", "{\"time\":\"1970-" },
    { "/healthz", REQUEST_NONE, "application/json", "{\"status\":\"ok\"}" },
    { "/readyz", REQUEST_NONE, "application/json",
      "{\"status\":\"ready\",\"broker\":\"down\"}" },
    { "/help", REQUEST_NONE, "text/plain; charset=utf-8", "sagapipe:" },
    { "/", REQUEST_NONE, "text/html; charset=utf-8", "<!doctype html>" },
    { "/%6frders/3", REQUEST_ORDER_GET, "application/json", "{\"id\":3," },
    { "http://x/orders/3", REQUEST_ORDER_GET, "application/json",
      "{\"id\":3," },
    { "/orders?", REQUEST_ORDER_LIST, "application/json", "[{\"id\":1," },
};

static void
test_gateway_http_get_and_head(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(gets); i++) {
        char length[256] = "";

        http_ask_json(&world, "GET", gets[i].target, NULL, &reply);
        if (reply.status != 200 || strncmp(reply.body, gets[i].begins,
                                           strlen(gets[i].begins)) != 0)
            fail_msg("%s: %s%s", gets[i].target, reply.head, reply.body);
        assert_header("Content-Type", gets[i].media_type);
        if (gets[i].kind != REQUEST_NONE)
            assert_int_equal(fake_store_last(world.store).kind, gets[i].kind);
        http_ask_json(&world, "HEAD", gets[i].target, NULL, &reply);
        assert_int_equal(reply.status, 200);
        assert_true(http_header(&reply, "Content-Length", length));
        assert_string_not_equal(length, "0");
    }
}

static void
test_gateway_http_list_of_1000_is_whole(void **state)
{
    json_t *rows;

    (void)state;
    http_ask_json(&world, "GET", "/transactions?limit=1000&after=7", NULL,
                  &reply);
    assert_int_equal(reply.status, 200);
    assert_true(reply.body_bytes > sizeof(reply.body));
    assert_header("Link", "</transactions?limit=1000&after=1007>; "
                          "rel=\"next\"");
    http_ask_json(&world, "GET", "/orders?limit=100&order=desc", NULL, &reply);
    assert_header("Link", "</orders?limit=100&after=100&order=desc>; "
                          "rel=\"next\"");
    rows = json_loadb(reply.body, reply.body_bytes, 0, NULL);
    assert_int_equal(json_array_size(rows), 100);
    json_decref(rows);
}

#define POST "POST /orders HTTP/1.1\r\n"
#define HOST "Host: localhost\r\n"
#define JSON "Content-Type: application/json\r\n"
#define GOOD "Content-Length: 26\r\n\r\n{\"userId\":1,\"productId\":1}"
#define BAD(length, body)                                                      \
    POST HOST JSON "Content-Length: " length "\r\n\r\n" body
#define GET(target) "GET " target " HTTP/1.1\r\n" HOST "\r\n"

/* Each refusal that needs no store; `closes` where the connection's framing
 * is in doubt. */
static const struct {
    const char *name;
    const char *text;
    int status;
    const char *type;
    bool closes;
} refusals[] = {
    { "right", POST HOST JSON GOOD, 201, NULL, false },
    { "chunked", POST HOST JSON "Transfer-Encoding: chunked\r\n\r\n"
      "0\r\n\r\n", 400, "message-framing", true },
    { "gzip", POST HOST JSON "Transfer-Encoding: gzip\r\n\r\n", 400,
      "message-framing", true },
    { "length_and_chunked", POST HOST JSON "Transfer-Encoding: chunked\r\n"
      GOOD, 400, "message-framing", true },
    { "two_lengths", POST HOST JSON "Content-Length: 3\r\n" GOOD, 400,
      "message-framing", true },
    { "same_length_twice", POST HOST JSON "Content-Length: 26\r\n" GOOD, 400,
      "message-framing", true },
    { "no_host", POST JSON GOOD, 400, "message-framing", true },
    { "two_hosts", POST HOST HOST JSON GOOD, 400, "message-framing", true },
    { "blank_in_name", POST HOST JSON "Content-Length : 26\r\n\r\n", 400,
      "message-framing", true },
    { "folded_length", POST HOST JSON "Content-Length: 2\r\n 6\r\n\r\n", 400,
      "message-framing", true },
    { "body_too_large", BAD("2049", ""), 413, "body-too-large", true },
    { "no_path", GET("/nothing"), 404, "unknown-path", false },
    { "no_path_with_body", "POST /nothing HTTP/1.1\r\n" HOST JSON GOOD, 404,
      "unknown-path", false },
    { "bad_target", GET("/orders/%zz"), 400, "bad-target", false },
    { "hidden_slash", GET("/orders%2f1"), 400, "bad-target", false },
    { "blank_in_target", GET("/orders/1 /x"), 400, "bad-target", false },
    { "star", "OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 400, "bad-target", false },
    { "method", "DELETE /orders HTTP/1.1\r\n" HOST "\r\n", 405,
      "method-not-allowed", false },
    { "method_with_body", "PUT /orders HTTP/1.1\r\n" HOST JSON GOOD, 405,
      "method-not-allowed", false },
    { "no_type", POST HOST GOOD, 415, "unsupported-media-type", false },
    { "form", POST HOST "Content-Type: application/x-www-form-urlencoded\r\n"
      GOOD, 415, "unsupported-media-type", false },
    { "compressed", POST HOST JSON "Content-Encoding: gzip\r\n" GOOD, 415,
      "unsupported-media-type", false },
    { "id", GET("/orders/01"), 400, "bad-parameter", false },
    { "query", GET("/orders?limit=1001"), 400, "bad-parameter", false },
    { "query_here", GET("/healthz?x=1"), 400, "bad-parameter", false },
    { "query_of_post", "POST /orders?limit=1 HTTP/1.1\r\n" HOST JSON GOOD,
      400, "bad-parameter", false },
    { "no_body", POST HOST JSON "\r\n", 400, "malformed-json", false },
    { "not_json", BAD("3", "{x}"), 400, "malformed-json", false },
    { "unknown_field", BAD("7", "{\"x\":1}"), 400, "unknown-field", false },
    { "missing_field", BAD("2", "{}"), 400, "missing-field", false },
    { "wrong_type", BAD("28", "{\"userId\":\"1\",\"productId\":1}"), 400,
      "wrong-type", false },
    { "out_of_range", BAD("26", "{\"userId\":0,\"productId\":1}"), 422,
      "out-of-range", false },
};

/* The reply tells the problem, and the connection serves on unless it said
 * that it closes. */
static void
test_gateway_http_refusals_have_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(refusals); i++) {
        int fd = http_connect(&world);
        char type[64] = "";

        http_send(fd, refusals[i].text, strlen(refusals[i].text));
        http_receive(fd, &reply, false);
        if (refusals[i].type != NULL)
            snprintf(type, sizeof(type), "{\"type\":\"/problems/%s\",",
                     refusals[i].type);
        if (reply.status != refusals[i].status ||
            reply.closed != refusals[i].closes ||
            strncmp(reply.body, type, strlen(type)) != 0)
            fail_msg("%s: %s%s", refusals[i].name, reply.head, reply.body);
        if (refusals[i].type != NULL)
            assert_header("Content-Type", "application/problem+json");
        if (refusals[i].closes) {
            assert_true(http_closed(fd));
        } else {
            http_send(fd, GET("/healthz"), strlen(GET("/healthz")));
            http_receive(fd, &reply, false);
            assert_int_equal(reply.status, 200);
        }
        close(fd);
    }
}

static void
test_gateway_http_405_allows(void **state)
{
    (void)state;
    http_ask_json(&world, "DELETE", "/users", NULL, &reply);
    assert_int_equal(reply.status, 405);
    assert_header("Allow", "GET, HEAD, POST");
}

static void
test_gateway_http_long_target_is_414(void **state)
{
    char target[1200] = "/";

    (void)state;
    memset(target + 1, 'x', 1023);
    http_ask_json(&world, "GET", target, NULL, &reply);
    assert_int_equal(reply.status, 414);
    target[1023] = '\0';
    http_ask_json(&world, "GET", target, NULL, &reply);
    assert_int_equal(reply.status, 404);
}

/* The library's own refusals, which come before ours. */
static void
test_gateway_http_long_head_is_431(void **state)
{
    static char text[40000] = "GET / HTTP/1.1\r\nHost: localhost\r\nX: ";

    (void)state;
    memset(text + strlen(text), 'x', 20000);
    strcat(text, "\r\n\r\n");
    http_ask(&world, text, &reply);
    assert_int_equal(reply.status, 431);
    http_ask(&world, "GET / HTTP/9.9\r\nHost: localhost\r\n\r\n", &reply);
    assert_true(reply.status >= 400);
    http_ask(&world, "\x16\x03\x01\x02\r\n\r\n", &reply);
    assert_true(reply.status == 0 || reply.status >= 400);
}

static const struct {
    enum request_outcome outcome;
    const char *method;
    const char *target;
    const char *body;
    int status;
    const char *type;
} outcomes[] = {
    { REQUEST_NO_PRODUCT, "POST", "/orders", "{\"userId\":1,\"productId\":9}",
      404, "unknown-product" },
    { REQUEST_TOO_LARGE, "POST", "/orders", "{\"userId\":1,\"productId\":9}",
      422, "price-too-large" },
    { REQUEST_BACKLOG, "POST", "/orders", "{\"userId\":1,\"productId\":9}",
      503, "backlog-full" },
    { REQUEST_FAILED, "POST", "/orders", "{\"userId\":1,\"productId\":9}",
      503, "store-failed" },
    { REQUEST_KEY_CONFLICT, "POST", "/orders",
      "{\"userId\":1,\"productId\":9}", 422, "idempotency-conflict" },
    { REQUEST_CATALOGUE_FULL, "PUT", "/products/7", "{\"price\":1}", 409,
      "catalogue-full" },
    { REQUEST_ENDED, "DELETE", "/orders/7", NULL, 409, "order-ended" },
    { REQUEST_NO_ROW, "DELETE", "/orders/7", NULL, 404, "not-found" },
    { REQUEST_BACKLOG, "DELETE", "/orders/7", NULL, 503, "backlog-full" },
    { REQUEST_NO_USER, "POST", "/users/7/credits", "{\"amount\":1}", 404,
      "unknown-user" },
    { REQUEST_NO_CREDIT, "POST", "/users/7/credits",
      "{\"amount\":1,\"creditId\":9007199254740991}", 422, "out-of-range" },
    { REQUEST_NO_USER, "POST", "/users/7/freeze", NULL, 404, "unknown-user" },
    { REQUEST_NO_USER, "POST", "/users/7/thaw", NULL, 404, "unknown-user" },
    { REQUEST_CONFLICT, "POST", "/users", "{\"userId\":1,\"balance\":9}", 409,
      "user-exists" },
    { REQUEST_NO_ROW, "GET", "/orders/77", NULL, 404, "not-found" },
    { REQUEST_NO_ROW, "GET", "/users/77", NULL, 404, "not-found" },
    { REQUEST_NO_ROW, "GET", "/transactions/77", NULL, 404, "not-found" },
};

static void
test_gateway_http_outcomes_become_problems(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(outcomes); i++) {
        char type[64];

        fake_store_outcome(world.store, outcomes[i].outcome);
        http_ask_json(&world, outcomes[i].method, outcomes[i].target,
                      outcomes[i].body, &reply);
        snprintf(type, sizeof(type), "\"/problems/%s\"", outcomes[i].type);
        if (reply.status != outcomes[i].status ||
            strstr(reply.body, type) == NULL)
            fail_msg("%s: %d %s", type, reply.status, reply.body);
        if (reply.status == 503)
            assert_header("Retry-After", "1");
        assert_null(strstr(reply.head, "Location"));
    }
}

static void
test_gateway_http_pipelined_requests_are_answered_in_order(void **state)
{
    static const char three[] = GET("/orders/1") POST HOST JSON GOOD
                                GET("/nothing");
    int fd = http_connect(&world);

    (void)state;
    http_send(fd, three, sizeof(three) - 1);
    http_receive(fd, &reply, false);
    assert_int_equal(reply.status, 200);
    http_receive(fd, &reply, false);
    assert_int_equal(reply.status, 201);
    http_receive(fd, &reply, false);
    assert_int_equal(reply.status, 404);
    close(fd);
}

/* A body larger than the exchange's own room, in pieces. */
static void
test_gateway_http_body_in_pieces(void **state)
{
    char head[256];
    char body[1900];
    int fd = http_connect(&world);

    (void)state;
    memset(body, ' ', sizeof(body));
    memcpy(body, "{\"userId\":1,", 12);
    memcpy(body + 1885, "\"productId\":4}", 14);
    snprintf(head, sizeof(head), POST HOST JSON "Expect: 100-continue\r\n"
             "Content-Length: %zu\r\n\r\n", sizeof(body));
    http_send(fd, head, strlen(head));
    http_receive(fd, &reply, false);
    assert_int_equal(reply.status, 100);
    for (size_t i = 0; i < sizeof(body); i += 100)
        http_send(fd, body + i, 100);
    http_receive(fd, &reply, false);
    assert_int_equal(reply.status, 201);
    assert_int_equal(fake_store_last(world.store).product.value, 4);
    close(fd);
}

static void
test_gateway_http_old_client_is_served(void **state)
{
    (void)state;
    http_ask(&world, "GET /healthz HTTP/1.0\r\n\r\n", &reply);
    assert_int_equal(reply.status, 200);
    assert_true(reply.closed);
}

static void
test_gateway_http_requests_are_counted(void **state)
{
    (void)state;
    http_ask_json(&world, "GET", "/nothing", NULL, &reply);
    http_ask_json(&world, "GET", "/nothing", NULL, &reply);
    http_ask_json(&world, "GET", "/metrics", NULL, &reply);
    assert_non_null(strstr(reply.body,
                           "sagapipe_http_requests_total{code=\"404\"} 2\n"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_gateway_http_order_is_created),
        TEST(test_gateway_http_quantity_left_out_is_one),
        TEST(test_gateway_http_traceparent_goes_along),
        TEST(test_gateway_http_user_is_opened),
        TEST(test_gateway_http_get_and_head),
        TEST(test_gateway_http_list_of_1000_is_whole),
        TEST(test_gateway_http_refusals_have_names),
        TEST(test_gateway_http_405_allows),
        TEST(test_gateway_http_long_target_is_414),
        TEST(test_gateway_http_long_head_is_431),
        TEST(test_gateway_http_outcomes_become_problems),
        TEST(test_gateway_http_pipelined_requests_are_answered_in_order),
        TEST(test_gateway_http_body_in_pieces),
        TEST(test_gateway_http_old_client_is_served),
        TEST(test_gateway_http_requests_are_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
