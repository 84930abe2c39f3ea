#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "gateway/http_query.h"

static const struct {
    const char *name;
    const char *encoded;
    bool plus;
    const char *text; /* NULL: refused */
} escapes[] = {
    { "plain", "/orders", false, "/orders" },
    { "empty", "", false, "" },
    { "escape", "%41%7a", false, "Az" },
    { "small_digits", "%c3%A9", false, "\xc3\xa9" },
    { "plus_is_blank", "a+b", true, "a b" },
    { "plus_is_plus", "a+b", false, "a+b" },
    { "escaped_plus", "a%2Bb", true, "a+b" },
    { "escaped_percent", "%2541", false, "%41" },
    { "nothing_behind", "a%", false, NULL },
    { "one_digit", "a%4", false, NULL },
    { "no_digit", "a%4g", false, NULL },
    { "no_digits", "%zz", false, NULL },
    { "escaped_nul", "a%00b", false, NULL },
    { "escaped_slash", "a%2fb", false, NULL },
    { "fits", "1234567", false, "1234567" },
    { "does_not_fit", "12345678", false, NULL },
};

static void
test_http_query_percent_decode(void **state)
{
    char text[8];

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(escapes); i++) {
        bool ok = percent_decode(escapes[i].encoded,
                                 strlen(escapes[i].encoded), escapes[i].plus,
                                 text, sizeof(text));

        if (ok != (escapes[i].text != NULL))
            fail_msg("%s: %d", escapes[i].name, ok);
        if (ok)
            assert_string_equal(text, escapes[i].text);
    }
    assert_false(percent_decode("a\0b", 3, false, text, sizeof(text)));
}

static const struct {
    const char *text;
    bool ok;
    uint64_t id;
} ids[] = {
    { "1", true, 1 },
    { "10", true, 10 },
    { "9007199254740991", true, 9007199254740991 },
    { "9007199254740992", false, 0 },
    { "9999999999999999", false, 0 },
    { "10000000000000000", false, 0 },
    { "18446744073709551617", false, 0 },
    { "", false, 0 },
    { "0", false, 0 },
    { "01", false, 0 },
    { "-1", false, 0 },
    { "+1", false, 0 },
    { " 1", false, 0 },
    { "1 ", false, 0 },
    { "1.0", false, 0 },
    { "1e3", false, 0 },
    { "0x1", false, 0 },
    { "junk", false, 0 },
    { "\xd9\xa1", false, 0 },
};

static void
test_http_query_id_parse(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(ids); i++) {
        uint64_t id = 0;
        bool ok = id_parse(ids[i].text, strlen(ids[i].text), &id);

        if (ok != ids[i].ok || (ok && id != ids[i].id))
            fail_msg("\"%s\": %d %llu", ids[i].text, ok,
                     (unsigned long long)id);
    }
}

#define ALL (QUERY_PAGE | QUERY_ORDERS)

static const struct {
    const char *name;
    const char *text;
    unsigned allowed;
    const char *field; /* NULL: it is right; else what the problem names */
} queries[] = {
    { "empty", "", QUERY_NOTHING, NULL },
    { "only_separators", "&&", QUERY_NOTHING, NULL },
    { "all", "limit=7&after=5&order=desc&userId=3&status=ORDER_FAILED", ALL,
      NULL },
    { "escaped", "%6cimit=%37", ALL, NULL },
    { "unknown", "Limit=7", ALL, "Limit" },
    { "unknown_here", "limit=7", QUERY_NOTHING, "limit" },
    { "orders_only", "userId=7", QUERY_PAGE, "userId" },
    { "repeated", "limit=7&limit=7", ALL, "limit" },
    { "no_value", "limit", ALL, "limit" },
    { "empty_value", "limit=", ALL, "limit" },
    { "empty_name", "=7", ALL, "" },
    { "limit_1", "limit=1", ALL, NULL },
    { "limit_1000", "limit=1000", ALL, NULL },
    { "limit_0", "limit=0", ALL, "limit" },
    { "limit_1001", "limit=1001", ALL, "limit" },
    { "limit_minus", "limit=-1", ALL, "limit" },
    { "limit_x", "limit=x", ALL, "limit" },
    { "limit_wraps", "limit=4294967297", ALL, "limit" },
    { "after_0", "after=0", ALL, "after" },
    { "after_large", "after=9007199254740992", ALL, "after" },
    { "order_asc", "order=asc", ALL, NULL },
    { "order_other", "order=ASC", ALL, "order" },
    { "user_junk", "userId=me", ALL, "userId" },
    { "status_unknown", "status=ORDER_LOST", ALL, "status" },
    { "status_empty", "status=", ALL, "status" },
    { "bad_escape", "limit=%3", ALL, "" },
    { "too_long", "limit=0000000000000000000000000000000000000000000000000"
                  "000000000000000000000000000000", ALL, "" },
    { "second_is_bad", "limit=3&x=1", ALL, "x" },
};

static void
test_http_query_parse(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(queries); i++) {
        struct request_query query;
        struct problem problem;

        problem_init(&problem);
        query_parse(queries[i].text, queries[i].allowed, &query, &problem);
        if (queries[i].field == NULL) {
            if (problem.type != PROBLEM_NONE)
                fail_msg("%s: %s", queries[i].name, problem.detail);
        } else if (problem.type != PROBLEM_PARAMETER ||
                   strcmp(problem.field, queries[i].field) != 0) {
            fail_msg("%s: %d %s", queries[i].name, problem.type,
                     problem.field);
        }
    }
}

static void
test_http_query_parse_fills_all(void **state)
{
    struct request_query query;
    struct problem problem;

    (void)state;
    problem_init(&problem);
    query_parse("limit=7&after=5&order=desc&userId=3&status=ORDER_FAILED", ALL,
                &query, &problem);
    assert_int_equal(query.limit, 7);
    assert_int_equal(query.after, 5);
    assert_true(query.descending);
    assert_int_equal(query.user.value, 3);
    assert_int_equal(query.status, ORDER_FAILED);
    query_parse("", ALL, &query, &problem);
    assert_int_equal(query.limit, LIST_ROWS_DEFAULT);
    assert_int_equal(query.after, 0);
    assert_false(query.descending);
    assert_int_equal(query.user.value, 0);
    assert_int_equal(query.status, ORDER_UNSET);
}

/* What Link says leads, when it is parsed again, to the same question. */
static void
test_http_query_link_leads_on(void **state)
{
    const struct request_query query = {
        .limit = 7, .after = 5, .descending = true, .user = { 3 },
        .status = ORDER_COMPLETED,
    };
    struct request_query again;
    struct problem problem;
    struct text_writer writer;
    char link[256];

    (void)state;
    text_writer_init(&writer, link, sizeof(link));
    query_write_link(&writer, "/orders", &query, 9007199254740991);
    text_end(&writer);
    assert_string_equal(link, "</orders?limit=7&after=9007199254740991"
                              "&order=desc&userId=3&status=ORDER_COMPLETED>; "
                              "rel=\"next\"");
    *strchr(link, '>') = '\0';
    problem_init(&problem);
    query_parse(strchr(link, '?') + 1, ALL, &again, &problem);
    assert_int_equal(problem.type, PROBLEM_NONE);
    assert_int_equal(again.limit, query.limit);
    assert_int_equal(again.after, 9007199254740991);
    assert_int_equal(again.descending, query.descending);
    assert_int_equal(again.user.value, query.user.value);
    assert_int_equal(again.status, query.status);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_query_percent_decode),
        cmocka_unit_test(test_http_query_id_parse),
        cmocka_unit_test(test_http_query_parse),
        cmocka_unit_test(test_http_query_parse_fills_all),
        cmocka_unit_test(test_http_query_link_leads_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
