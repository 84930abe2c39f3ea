#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "gateway/http_problem.h"
#include "gateway/order_line.h"

static struct order_line line;
static struct problem problem;
static char text[2 * ORDER_LINE_BYTES_MAX];

static bool
read_line(const char *from)
{
    snprintf(text, sizeof text, "%s", from);
    memset(&line, 0xee, sizeof line);
    line.text = text;
    line.bytes = strlen(text);
    problem_init(&problem);
    return order_line_read(&line, &problem);
}

#define O "{\"userId\":1,\"productId\":2"

/* plain: read without the JSON library. */
static const struct {
    const char *name;
    const char *text;
    bool plain;
    enum problem_type type;
} lines[] = {
    { "smallest", O "}", true, PROBLEM_NONE },
    { "whole", O ",\"quantity\":3,\"idempotencyKey\":\"k\"}", true,
      PROBLEM_NONE },
    { "other_order", "{\"productId\":2,\"userId\":1}", true, PROBLEM_NONE },
    { "blanks", " { \"userId\" : 1 ,\t\"productId\":2 } \r", true,
      PROBLEM_NONE },
    { "largest_id", "{\"userId\":9007199254740991,\"productId\":2}", true,
      PROBLEM_NONE },
    { "escaped_name", "{\"\\u0075serId\":1,\"productId\":2}", false,
      PROBLEM_NONE },
    { "escaped_key", O ",\"idempotencyKey\":\"\\u006b\"}", false,
      PROBLEM_NONE },
    { "nothing", "{}", false, PROBLEM_FIELD_MISSING },
    { "no_product", "{\"userId\":1}", false, PROBLEM_FIELD_MISSING },
    { "twice", O ",\"userId\":1}", false, PROBLEM_JSON },
    { "unknown_name", O ",\"x\":1}", false, PROBLEM_FIELD_UNKNOWN },
    { "zero", "{\"userId\":0,\"productId\":2}", false, PROBLEM_FIELD_RANGE },
    { "leading_zero", "{\"userId\":01,\"productId\":2}", false, PROBLEM_JSON },
    { "above_all_ids", "{\"userId\":9007199254740992,\"productId\":2}", false,
      PROBLEM_FIELD_RANGE },
    { "eighteen_digits", "{\"userId\":100000000000000001,\"productId\":2}",
      false, PROBLEM_FIELD_RANGE },
    { "fraction", "{\"userId\":1.0,\"productId\":2}", false,
      PROBLEM_FIELD_TYPE },
    { "exponent", "{\"userId\":1e0,\"productId\":2}", false,
      PROBLEM_FIELD_TYPE },
    { "text_for_number", "{\"userId\":\"1\",\"productId\":2}", false,
      PROBLEM_FIELD_TYPE },
    { "number_for_text", O ",\"idempotencyKey\":5}", false,
      PROBLEM_FIELD_TYPE },
    { "empty_key", O ",\"idempotencyKey\":\"\"}", false, PROBLEM_KEY },
    { "key_with_blank", O ",\"idempotencyKey\":\"a b\"}", false, PROBLEM_KEY },
    { "key_with_nul", O ",\"idempotencyKey\":\"a\\u0000\"}", false,
      PROBLEM_JSON },
    { "many", O ",\"quantity\":1001}", false, PROBLEM_FIELD_RANGE },
    { "cut", "{\"userId\":1,\"productId\":", false, PROBLEM_JSON },
    { "cut_string", "{\"userId", false, PROBLEM_JSON },
    { "trailing_comma", O ",}", false, PROBLEM_JSON },
    { "trailing_text", O "} x", false, PROBLEM_JSON },
    { "two_objects", O "}" O "}", false, PROBLEM_JSON },
    { "array", "[" O "}]", false, PROBLEM_JSON },
    { "form_feed", "\f" O "}", false, PROBLEM_JSON },
};

static void
test_order_line_read(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_COUNT(lines); i++) {
        bool right = read_line(lines[i].text);

        if (problem.type != lines[i].type ||
            right != (lines[i].type == PROBLEM_NONE) || line.bad == right)
            fail_msg("%s: %s", lines[i].name, problem_name(problem.type));
        if (right &&
            ((line.user.value != 1 && line.user.value != ID_MAX) ||
             line.product.value != 2 || line.quantity < 1))
            fail_msg("%s: other values", lines[i].name);
        snprintf(text, sizeof text, "%s", lines[i].text);
        line.text = text;
        line.bytes = strlen(text);
        if (order_line_read_plain(&line) != lines[i].plain)
            fail_msg("%s: plain or not", lines[i].name);
    }
}

static void
test_order_line_values_are_what_was_sent(void **state)
{
    (void)state;
    assert_true(read_line("{\"idempotencyKey\":\"a/1\",\"quantity\":7,"
                          "\"userId\":12,\"productId\":34}"));
    assert_int_equal(line.user.value, 12);
    assert_int_equal(line.product.value, 34);
    assert_int_equal(line.quantity, 7);
    assert_int_equal(line.key_bytes, 3);
    assert_memory_equal(line.key, "a/1", 3);
    assert_true(read_line(O ",\"idempotencyKey\":\"\\u0061\\/1\"}"));
    assert_int_equal(line.key_bytes, 3);
    assert_memory_equal(line.key, "a/1", 3);
    assert_true(read_line(O "}"));
    assert_int_equal(line.key_bytes, 0);
    assert_int_equal(line.quantity, 1);
}

/* A key of 255 characters, and one of 256. */
static void
test_order_line_key_has_a_length(void **state)
{
    char from[512];

    (void)state;
    for (int bytes = 255; bytes <= 256; bytes++) {
        snprintf(from, sizeof from, O ",\"idempotencyKey\":\"%0*d\"}", bytes,
                 7);
        assert_int_equal(read_line(from), bytes == 255);
        assert_int_equal(problem.type,
                         bytes == 255 ? PROBLEM_NONE : PROBLEM_KEY);
    }
}

static void
test_order_line_too_long_is_refused(void **state)
{
    char from[ORDER_LINE_BYTES_MAX + 2] = O "}";

    (void)state;
    memset(from + strlen(from), ' ', sizeof from - 1 - strlen(from));
    assert_false(read_line(from));
    assert_int_equal(problem.type, PROBLEM_BODY_SIZE);
    assert_int_equal(problem.limit, ORDER_LINE_BYTES_MAX);
    from[ORDER_LINE_BYTES_MAX] = '\0';
    assert_true(read_line(from));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_line_read),
        cmocka_unit_test(test_order_line_values_are_what_was_sent),
        cmocka_unit_test(test_order_line_key_has_a_length),
        cmocka_unit_test(test_order_line_too_long_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
