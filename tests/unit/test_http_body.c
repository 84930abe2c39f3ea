#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "gateway/http_body.h"

enum { USER, QUANTITY, BALANCE, FIELDS };

static const struct body_field fields[FIELDS] = {
    [USER] = { "userId", BODY_ID, true },
    [QUANTITY] = { "quantity", BODY_COUNT, false },
    [BALANCE] = { "balance", BODY_AMOUNT, false },
};

static struct body_value values[FIELDS];
static struct problem problem;

static void
parse(const char *text, size_t bytes)
{
    problem_init(&problem);
    body_parse(text, bytes, fields, FIELDS, values, &problem);
}

#define U "{\"userId\":1"

static const struct {
    const char *name;
    const char *text;
    enum problem_type type;
    const char *field;
} bodies[] = {
    { "smallest", "{\"userId\":1}", PROBLEM_NONE, "" },
    { "blanks", " \t\r\n{ \"userId\" : 1 } \n", PROBLEM_NONE, "" },
    { "largest_id", "{\"userId\":9007199254740991}", PROBLEM_NONE, "" },
    { "escaped_key", "{\"\\u0075serId\":1}", PROBLEM_NONE, "" },
    { "empty", "", PROBLEM_JSON, "" },
    { "blank", " ", PROBLEM_JSON, "" },
    { "array", "[1]", PROBLEM_JSON, "" },
    { "number", "1", PROBLEM_JSON, "" },
    { "null", "null", PROBLEM_JSON, "" },
    { "cut", "{\"userId\":1", PROBLEM_JSON, "" },
    { "trailing_text", "{\"userId\":1}x", PROBLEM_JSON, "" },
    { "two_objects", "{\"userId\":1}{\"userId\":2}", PROBLEM_JSON, "" },
    { "trailing_comma", "{\"userId\":1,}", PROBLEM_JSON, "" },
    { "single_quotes", "{'userId':1}", PROBLEM_JSON, "" },
    { "comment", "{\"userId\":1}//", PROBLEM_JSON, "" },
    { "byte_order_mark", "\xef\xbb\xbf{\"userId\":1}", PROBLEM_JSON, "" },
    { "repeated_key", "{\"userId\":1,\"userId\":1}", PROBLEM_JSON, "" },
    { "leading_zero", "{\"userId\":01}", PROBLEM_JSON, "" },
    { "plus", "{\"userId\":+1}", PROBLEM_JSON, "" },
    { "hexadecimal", "{\"userId\":0x1}", PROBLEM_JSON, "" },
    { "not_a_number", "{\"userId\":NaN}", PROBLEM_JSON, "" },
    { "infinity", "{\"userId\":Infinity}", PROBLEM_JSON, "" },
    { "invalid_utf8", "{\"userId\":1,\"a\xff\":1}", PROBLEM_JSON, "" },
    { "overlong_utf8", "{\"userId\":1,\"\xc0\xaf\":1}", PROBLEM_JSON, "" },
    { "escaped_nul", "{\"userId\":1,\"a\\u0000\":1}", PROBLEM_JSON, "" },
    { "lone_surrogate", "{\"userId\":1,\"a\\ud800\":1}", PROBLEM_JSON, "" },
    { "control_in_key", "{\"user\nId\":1}", PROBLEM_JSON, "" },
    { "missing", "{}", PROBLEM_FIELD_MISSING, "userId" },
    { "unknown", U ",\"price\":1}", PROBLEM_FIELD_UNKNOWN, "price" },
    { "unknown_case", "{\"userid\":1}", PROBLEM_FIELD_UNKNOWN, "userid" },
    { "unknown_before_missing", "{\"x\":1}", PROBLEM_FIELD_UNKNOWN, "x" },
    { "unknown_empty_key", U ",\"\":1}", PROBLEM_FIELD_UNKNOWN, "" },
    { "id_string", "{\"userId\":\"1\"}", PROBLEM_FIELD_TYPE, "userId" },
    { "id_real", "{\"userId\":1.0}", PROBLEM_FIELD_TYPE, "userId" },
    { "id_exponent", "{\"userId\":1e0}", PROBLEM_FIELD_TYPE, "userId" },
    { "id_null", "{\"userId\":null}", PROBLEM_FIELD_TYPE, "userId" },
    { "id_true", "{\"userId\":true}", PROBLEM_FIELD_TYPE, "userId" },
    { "id_array", "{\"userId\":[1]}", PROBLEM_FIELD_TYPE, "userId" },
    { "id_object", "{\"userId\":{}}", PROBLEM_FIELD_TYPE, "userId" },
    { "id_0", "{\"userId\":0}", PROBLEM_FIELD_RANGE, "userId" },
    { "id_minus_0", "{\"userId\":-0}", PROBLEM_FIELD_RANGE, "userId" },
    { "id_negative", "{\"userId\":-1}", PROBLEM_FIELD_RANGE, "userId" },
    { "id_2_53", "{\"userId\":9007199254740992}", PROBLEM_FIELD_RANGE,
      "userId" },
    { "id_2_53_and_1", "{\"userId\":9007199254740993}", PROBLEM_FIELD_RANGE,
      "userId" },
    { "id_int64", "{\"userId\":9223372036854775807}", PROBLEM_FIELD_RANGE,
      "userId" },
    { "id_over_int64", "{\"userId\":9223372036854775808}",
      PROBLEM_FIELD_RANGE, "" },
    { "real_overflow", "{\"userId\":1e999}", PROBLEM_FIELD_RANGE, "" },
    { "quantity", U ",\"quantity\":1000}", PROBLEM_NONE, "" },
    { "quantity_0", U ",\"quantity\":0}", PROBLEM_FIELD_RANGE, "quantity" },
    { "quantity_1001", U ",\"quantity\":1001}", PROBLEM_FIELD_RANGE,
      "quantity" },
    { "quantity_null", U ",\"quantity\":null}", PROBLEM_FIELD_TYPE,
      "quantity" },
    { "first_field_first", "{\"quantity\":0,\"userId\":0}",
      PROBLEM_FIELD_RANGE, "userId" },
};

static void
test_http_body_parse(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(bodies); i++) {
        parse(bodies[i].text, strlen(bodies[i].text));
        if (problem.type != bodies[i].type ||
            strcmp(problem.field, bodies[i].field) != 0)
            fail_msg("%s: %s %s: %s", bodies[i].name,
                     problem_name(problem.type), problem.field,
                     problem.detail);
    }
}

static const struct {
    const char *text;
    enum problem_type type;
    int64_t minor;
} amounts[] = {
    { "100", PROBLEM_NONE, 10000 },
    { "0", PROBLEM_NONE, 0 },
    { "0.00", PROBLEM_NONE, 0 },
    { "100.5", PROBLEM_NONE, 10050 },
    { "0.07", PROBLEM_NONE, 7 },
    { "1e2", PROBLEM_NONE, 10000 },
    { "1.10", PROBLEM_NONE, 110 },
    { "\"100.00\"", PROBLEM_NONE, 10000 },
    { "\"0.05\"", PROBLEM_NONE, 5 },
    { "\"90071992547409.91\"", PROBLEM_NONE, 9007199254740991 },
    { "90071992547409", PROBLEM_NONE, 9007199254740900 },
    { "90071992547410", PROBLEM_FIELD_RANGE, 0 },
    { "9223372036854775807", PROBLEM_FIELD_RANGE, 0 },
    { "\"90071992547409.92\"", PROBLEM_FIELD_RANGE, 0 },
    { "1e300", PROBLEM_FIELD_RANGE, 0 },
    { "50.005", PROBLEM_FIELD_RANGE, 0 },
    { "0.001", PROBLEM_FIELD_RANGE, 0 },
    { "-1", PROBLEM_FIELD_RANGE, 0 },
    { "-0.01", PROBLEM_FIELD_RANGE, 0 },
    { "\"-1.00\"", PROBLEM_FIELD_RANGE, 0 },
    { "\"1.005\"", PROBLEM_FIELD_RANGE, 0 },
    { "\"\"", PROBLEM_FIELD_RANGE, 0 },
    { "\" 1\"", PROBLEM_FIELD_RANGE, 0 },
    { "\"1,00\"", PROBLEM_FIELD_RANGE, 0 },
    { "\"1e2\"", PROBLEM_FIELD_RANGE, 0 },
    { "null", PROBLEM_FIELD_TYPE, 0 },
    { "true", PROBLEM_FIELD_TYPE, 0 },
    { "[]", PROBLEM_FIELD_TYPE, 0 },
    { "{}", PROBLEM_FIELD_TYPE, 0 },
};

static void
test_http_body_amounts(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(amounts); i++) {
        char text[128] = U ",\"balance\":";

        strncat(text, amounts[i].text, 64);
        strncat(text, "}", 2);
        parse(text, strlen(text));
        if (problem.type != amounts[i].type ||
            (problem.type == PROBLEM_NONE &&
             values[BALANCE].amount.minor != amounts[i].minor) ||
            (problem.type != PROBLEM_NONE &&
             strcmp(problem.field, "balance") != 0))
            fail_msg("%s: %s %lld", amounts[i].text,
                     problem_name(problem.type),
                     (long long)values[BALANCE].amount.minor);
    }
}

static void
test_http_body_values_are_what_was_sent(void **state)
{
    static const char text[] = "{\"quantity\":3,\"userId\":9007199254740991}";

    (void)state;
    parse(text, sizeof(text) - 1);
    assert_int_equal(problem.type, PROBLEM_NONE);
    assert_true(values[USER].present);
    assert_int_equal(values[USER].id, 9007199254740991);
    assert_int_equal(values[QUANTITY].count, 3);
    assert_false(values[BALANCE].present);
}

static void
test_http_body_nul_is_malformed(void **state)
{
    static const char behind[] = "{\"userId\":1}\0";
    static const char inside[] = "{\"user\0Id\":1}";

    (void)state;
    parse(behind, sizeof(behind) - 1);
    assert_int_equal(problem.type, PROBLEM_JSON);
    parse(inside, sizeof(inside) - 1);
    assert_int_equal(problem.type, PROBLEM_JSON);
}

/* No more of the text is read than there is. */
static void
test_http_body_end_is_kept(void **state)
{
    char *text = malloc(12);

    (void)state;
    assert_non_null(text);
    memcpy(text, "{\"userId\":1}", 12);
    parse(text, 11);
    assert_int_equal(problem.type, PROBLEM_JSON);
    parse(text, 12);
    assert_int_equal(problem.type, PROBLEM_NONE);
    free(text);
}

static void
test_http_body_deep_nesting_is_refused(void **state)
{
    static char text[1 << 20];

    (void)state;
    memset(text, '[', sizeof(text));
    parse(text, sizeof(text));
    assert_int_equal(problem.type, PROBLEM_JSON);
    memset(text, ' ', sizeof(text));
    memcpy(text, U ",\"x\":", 16);
    memset(text + 16, '[', 1000);
    memset(text + 1016, ']', 1000);
    text[2016] = '}';
    parse(text, 2017);
    assert_int_equal(problem.type, PROBLEM_FIELD_UNKNOWN);
    assert_string_equal(problem.field, "x");
}

static void
test_http_body_malformed_names_its_place(void **state)
{
    static const char text[] = "{\"userId\":1,\n  \"quantity\":x}";

    (void)state;
    parse(text, sizeof(text) - 1);
    assert_int_equal(problem.type, PROBLEM_JSON);
    assert_int_equal(strncmp(problem.detail, "line 2, column 14: ", 19), 0);
}

static void
test_http_body_long_unknown_key_is_cut(void **state)
{
    char text[512] = U ",\"";

    (void)state;
    memset(text + strlen(text), 'k', 400);
    strncat(text, "\":1}", 5);
    parse(text, strlen(text));
    assert_int_equal(problem.type, PROBLEM_FIELD_UNKNOWN);
    assert_int_equal(strlen(problem.field), PROBLEM_FIELD_BYTES - 1);
}

/* Doubles of that size do not tell amounts apart; the limit alone, which is
 * the value itself, would say nothing. */
static void
test_http_body_large_fraction_is_asked_for_as_text(void **state)
{
    static const char number[] = U ",\"balance\":90071992547409.91}";
    static const char text[] = U ",\"balance\":\"90071992547409.91\"}";

    (void)state;
    parse(number, sizeof number - 1);
    assert_int_equal(problem.type, PROBLEM_FIELD_RANGE);
    assert_non_null(strstr(problem.detail,
                           "a decimal string from 70368744177664 on"));
    parse(text, sizeof text - 1);
    assert_int_equal(problem.type, PROBLEM_NONE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_body_parse),
        cmocka_unit_test(test_http_body_amounts),
        cmocka_unit_test(test_http_body_large_fraction_is_asked_for_as_text),
        cmocka_unit_test(test_http_body_values_are_what_was_sent),
        cmocka_unit_test(test_http_body_nul_is_malformed),
        cmocka_unit_test(test_http_body_end_is_kept),
        cmocka_unit_test(test_http_body_deep_nesting_is_refused),
        cmocka_unit_test(test_http_body_malformed_names_its_place),
        cmocka_unit_test(test_http_body_long_unknown_key_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
