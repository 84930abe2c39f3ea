#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "gateway/http_headers.h"

#define BODY_MAX 100

/* "Name: value" lines, ended by "\n" each. */
static struct http_headers
headers_of(const char *lines)
{
    struct http_headers headers;

    http_headers_init(&headers);
    while (*lines != '\0') {
        const char *colon = strchr(lines, ':');
        size_t bytes = strcspn(lines, "\n");

        http_headers_note(&headers, lines, (size_t)(colon - lines), colon + 1,
                          bytes - (size_t)(colon + 1 - lines));
        lines += bytes + 1;
    }
    return headers;
}

#define HOST "Host: x\n"

static const struct {
    const char *name;
    const char *version;
    const char *lines;
    enum problem_type type;
    const char *field;
} heads[] = {
    { "plain", "HTTP/1.1", HOST, PROBLEM_NONE, "" },
    { "body", "HTTP/1.1", HOST "content-length: 100\n", PROBLEM_NONE, "" },
    { "no_host_in_1_0", "HTTP/1.0", "", PROBLEM_NONE, "" },
    { "minor_version", "HTTP/1.2", HOST, PROBLEM_NONE, "" },
    { "no_host", "HTTP/1.1", "", PROBLEM_FRAMING, "Host" },
    { "two_hosts", "HTTP/1.1", HOST HOST, PROBLEM_FRAMING, "Host" },
    { "two_hosts_in_1_0", "HTTP/1.0", HOST HOST, PROBLEM_FRAMING, "Host" },
    { "chunked", "HTTP/1.1", HOST "Transfer-Encoding: chunked\n",
      PROBLEM_FRAMING, "Transfer-Encoding" },
    { "gzip", "HTTP/1.1", HOST "TRANSFER-ENCODING: gzip\n", PROBLEM_FRAMING,
      "Transfer-Encoding" },
    { "empty_encoding", "HTTP/1.1", HOST "Transfer-Encoding:\n",
      PROBLEM_FRAMING, "Transfer-Encoding" },
    { "both", "HTTP/1.1",
      HOST "Content-Length: 3\nTransfer-Encoding: chunked\n", PROBLEM_FRAMING,
      "Transfer-Encoding" },
    { "two_lengths", "HTTP/1.1", HOST "Content-Length: 3\nContent-Length: 4\n",
      PROBLEM_FRAMING, "Content-Length" },
    { "same_length_twice", "HTTP/1.1",
      HOST "Content-Length: 3\nContent-Length: 3\n", PROBLEM_FRAMING,
      "Content-Length" },
    { "list_of_lengths", "HTTP/1.1", HOST "Content-Length: 3, 3\n",
      PROBLEM_FRAMING, "Content-Length" },
    { "signed_length", "HTTP/1.1", HOST "Content-Length: +3\n",
      PROBLEM_FRAMING, "Content-Length" },
    { "negative_length", "HTTP/1.1", HOST "Content-Length: -3\n",
      PROBLEM_FRAMING, "Content-Length" },
    { "empty_length", "HTTP/1.1", HOST "Content-Length:\n", PROBLEM_FRAMING,
      "Content-Length" },
    { "endless_length", "HTTP/1.1",
      HOST "Content-Length: 99999999999999999999\n", PROBLEM_FRAMING,
      "Content-Length" },
    { "too_large", "HTTP/1.1", HOST "Content-Length: 101\n", PROBLEM_BODY_SIZE,
      "" },
    { "blank_in_name", "HTTP/1.1", HOST "Content-Length : 3\n",
      PROBLEM_FRAMING, "" },
    { "tab_in_name", "HTTP/1.1", HOST "Transfer-Encoding\t: chunked\n",
      PROBLEM_FRAMING, "" },
    { "folded_length", "HTTP/1.1", HOST "content-length0: 3\n",
      PROBLEM_FRAMING, "" },
    { "folded_encoding", "HTTP/1.1", HOST "Transfer-Encodingchunked:\n",
      PROBLEM_FRAMING, "" },
    { "empty_name", "HTTP/1.1", HOST ": x\n", PROBLEM_FRAMING, "" },
    { "cr_in_value", "HTTP/1.1", HOST "X: a\rContent-Length: 3\n",
      PROBLEM_FRAMING, "" },
    { "cr_behind_value", "HTTP/1.1", HOST "X: a \r\n", PROBLEM_FRAMING, "" },
    { "version_2", "HTTP/2.0", HOST, PROBLEM_FRAMING, "" },
    { "no_version", "", HOST, PROBLEM_FRAMING, "" },
};

static void
test_http_headers_check(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(heads); i++) {
        struct http_headers headers = headers_of(heads[i].lines);
        struct problem problem;

        problem_init(&problem);
        http_headers_check(&headers, heads[i].version, BODY_MAX, &problem);
        if (problem.type != heads[i].type ||
            strcmp(problem.field, heads[i].field) != 0)
            fail_msg("%s: %s %s", heads[i].name, problem_name(problem.type),
                     problem.field);
    }
}

static void
test_http_headers_bare_line_end_is_refused(void **state)
{
    struct http_headers headers = headers_of(HOST);
    struct problem problem;

    (void)state;
    headers.line_end_bare = true;
    problem_init(&problem);
    http_headers_check(&headers, "HTTP/1.1", BODY_MAX, &problem);
    assert_int_equal(problem.type, PROBLEM_FRAMING);
}

static const struct {
    const char *lines;
    bool json;
} types[] = {
    { "Content-Type: application/json\n", true },
    { "content-type:APPLICATION/JSON\n", true },
    { "Content-Type: application/json \t\n", true },
    { "Content-Type: application/json;charset=utf-8\n", true },
    { "Content-Type: application/json ; charset=UTF-8\n", true },
    { "Content-Type: application/json; charset=\"utf-8\"\n", true },
    { "Content-Type: application/json;\n", true },
    { "Content-Type: application/json; charset=latin1\n", false },
    { "Content-Type: application/jsonp\n", false },
    { "Content-Type: application/json, text/plain\n", false },
    { "Content-Type: application/x-www-form-urlencoded\n", false },
    { "Content-Type: text/json\n", false },
    { "Content-Type:\n", false },
    { "", false },
    { "Content-Type: application/json\nContent-Type: application/json\n",
      false },
};

static void
test_http_headers_json_is_known(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
        struct http_headers headers = headers_of(types[i].lines);

        if (headers.json != types[i].json)
            fail_msg("%s", types[i].lines);
    }
}

static const struct {
    const char *lines;
    bool compressed;
} codings[] = {
    { "", false },
    { "Content-Encoding:\n", false },
    { "Content-Encoding: Identity\n", false },
    { "content-encoding: gzip\n", true },
    { "Content-Encoding: identity, br\n", true },
    { "Content-Encoding: gzip\nContent-Encoding: identity\n", true },
};

static void
test_http_headers_compressed_is_known(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(codings); i++) {
        struct http_headers headers = headers_of(codings[i].lines);

        if (headers.compressed != codings[i].compressed)
            fail_msg("%s", codings[i].lines);
    }
}

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "00f067aa0ba902b7"

static const struct {
    const char *value;
    bool kept;
} traces[] = {
    { "00-" TRACE "-" PARENT "-01", true },
    { "00-" TRACE "-" PARENT "-00", true },
    { "00-" TRACE "-" PARENT "-0", false },
    { "00-" TRACE "-" PARENT "-01-x", false },
    { "00-4BF92F3577B34DA6A3CE929D0E0E4736-" PARENT "-01", false },
    { "00-00000000000000000000000000000000-" PARENT "-01", false },
    { "00-" TRACE "-0000000000000000-01", false },
    { "ff-" TRACE "-" PARENT "-01", false },
    { "00_" TRACE "-" PARENT "-01", false },
    { "00-" TRACE "-" PARENT "_01", false },
    { "", false },
};

static void
test_http_headers_traceparent_valid_or_ignored(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(traces); i++) {
        char line[128] = "TraceParent: ";
        struct http_headers headers;

        strncat(line, traces[i].value, 80);
        strncat(line, "\n", 2);
        headers = headers_of(line);
        if (strcmp(headers.traceparent,
                   traces[i].kept ? traces[i].value : "") != 0)
            fail_msg("%s: %s", traces[i].value, headers.traceparent);
    }
}

/* What we know of a version that we do not know, as ours; two are none. */
static void
test_http_headers_traceparent_of_others(void **state)
{
    static const char ours[] = "00-" TRACE "-" PARENT "-01";
    struct http_headers headers;

    (void)state;
    headers = headers_of("traceparent: 01-" TRACE "-" PARENT "-01-x\n");
    assert_string_equal(headers.traceparent, ours);
    headers = headers_of("traceparent: cc-" TRACE "-" PARENT "-01\n");
    assert_string_equal(headers.traceparent, ours);
    headers = headers_of("traceparent: 01-" TRACE "-" PARENT "-01x\n");
    assert_string_equal(headers.traceparent, "");
    headers = headers_of("traceparent: 0x-" TRACE "-" PARENT "-01\n");
    assert_string_equal(headers.traceparent, "");
    headers = headers_of("traceparent: 00-" TRACE "-" PARENT "-01\n"
                         "traceparent: 00-" TRACE "-" PARENT "-01\n");
    assert_string_equal(headers.traceparent, "");
}

static void
test_http_headers_last_event_and_preference(void **state)
{
    struct http_headers headers;

    (void)state;
    headers = headers_of("Last-Event-ID: 12\nPrefer: respond-async\n"
                         "Prefer: wait=5\nPrefer: wait=6\n");
    assert_int_equal(headers.lasts, 1);
    assert_int_equal(headers.last, 12);
    assert_false(headers.last_malformed);
    assert_int_equal(headers.wait_s, 5);
    headers = headers_of("Last-Event-ID: 1x\n");
    assert_true(headers.last_malformed);
    headers = headers_of("Content-Type: application/x-ndjson\n");
    assert_true(headers.ndjson && !headers.json);
}

#define X50 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X250 X50 X50 X50 X50 X50
#define KEY "Idempotency-Key: "

static const struct {
    const char *name;
    const char *lines;
    const char *key; /* NULL: refused */
} keys[] = {
    { "none", "", "" },
    { "plain", KEY "a\n", "a" },
    { "all_kinds", "idempotency-key: !~\"1aZ=/+\n", "!~\"1aZ=/+" },
    { "blanks_around", KEY " \ta-1\t \n", "a-1" },
    { "longest", KEY X250 "12345\n", X250 "12345" },
    { "too_long", KEY X250 "123456\n", NULL },
    { "empty", KEY "\n", NULL },
    { "only_blanks", KEY "   \n", NULL },
    { "blank_within", KEY "a b\n", NULL },
    { "tab_within", KEY "a\tb\n", NULL },
    { "delete", KEY "a\x7f\n", NULL },
    { "not_ascii", KEY "\xc3\xa4\n", NULL },
    { "control", KEY "a\x01\n", NULL },
    { "repeated", KEY "a\n" KEY "a\n", NULL },
};

static void
test_http_headers_key_is_strict(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(keys); i++) {
        struct http_headers headers = headers_of(keys[i].lines);
        char key[IDEMPOTENCY_KEY_BYTES_MAX + 1] = "?";
        struct problem problem;

        problem_init(&problem);
        http_headers_key(&headers, key, &problem);
        if ((problem.type == PROBLEM_NONE) != (keys[i].key != NULL) ||
            strcmp(key, keys[i].key != NULL ? keys[i].key : "") != 0)
            fail_msg("%s: \"%s\"", keys[i].name, key);
        if (keys[i].key == NULL)
            assert_int_equal(problem.type, PROBLEM_KEY);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_headers_check),
        cmocka_unit_test(test_http_headers_bare_line_end_is_refused),
        cmocka_unit_test(test_http_headers_json_is_known),
        cmocka_unit_test(test_http_headers_compressed_is_known),
        cmocka_unit_test(test_http_headers_key_is_strict),
        cmocka_unit_test(test_http_headers_traceparent_valid_or_ignored),
        cmocka_unit_test(test_http_headers_traceparent_of_others),
        cmocka_unit_test(test_http_headers_last_event_and_preference),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
