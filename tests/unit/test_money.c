#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "saga/money.h"
#include "../support/dies.h"

#define MAX MONEY_MINOR_MAX

static const struct money untouched = { .minor = 77 };

static void
test_money_valid_holds_its_range(void **state)
{
    (void)state;
    assert_true(money_valid((struct money){ 0 }));
    assert_true(money_valid((struct money){ MAX }));
    assert_true(money_valid((struct money){ -MAX }));
    assert_false(money_valid((struct money){ MAX + 1 }));
    assert_false(money_valid((struct money){ -MAX - 1 }));
    assert_false(money_valid((struct money){ INT64_MIN }));
}

typedef bool (*operation_fn)(struct money a, int64_t b, struct money *out);

static bool
add(struct money a, int64_t b, struct money *out)
{
    return money_add(a, (struct money){ b }, out);
}

static const struct {
    const char *name;
    operation_fn operation;
    int64_t a, b;
    bool ok;
    int64_t result;
} operations[] = {
    { "add", add, 150, -50, true, 100 },
    { "add_to_the_maximum", add, MAX - 1, 1, true, MAX },
    { "add_over_the_maximum", add, MAX, 1, false, 0 },
    { "add_under_the_minimum", add, -MAX, -1, false, 0 },
    { "add_with_operand_out_of_range", add, MAX + 1, -5, false, 0 },
    { "add_with_other_operand_out_of_range", add, -5, MAX + 1, false, 0 },
    { "add_extremes", add, INT64_MAX, INT64_MAX, false, 0 },
    { "mul", money_mul, 5000, 3, true, 15000 },
    { "mul_by_nothing", money_mul, 5000, 0, true, 0 },
    { "mul_by_negative", money_mul, 5000, -2, true, -10000 },
    { "mul_to_the_maximum", money_mul, MAX, 1, true, MAX },
    { "mul_over_the_maximum", money_mul, MAX / 2 + 1, 2, false, 0 },
    { "mul_under_the_minimum", money_mul, MAX / 2 + 1, -2, false, 0 },
    { "mul_overflows_int64", money_mul, MAX, 100000, false, 0 },
    { "mul_wraps_to_a_small_number", money_mul, INT64_C(1) << 32,
      INT64_C(1) << 32, false, 0 },
    { "mul_with_operand_out_of_range", money_mul, MAX + 1, 0, false, 0 },
};

static void
test_money_operation_checks_range(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(operations); i++) {
        struct money out = untouched;
        bool ok = operations[i].operation((struct money){ operations[i].a },
                                          operations[i].b, &out);
        int64_t expected =
            operations[i].ok ? operations[i].result : untouched.minor;

        if (ok != operations[i].ok || out.minor != expected)
            fail_msg("%s: %d, %ld", operations[i].name, ok, out.minor);
    }
}

static const struct {
    const char *text;
    enum rc rc;
    int64_t minor;
} texts[] = {
    { "0", RC_OK, 0 },
    { "50", RC_OK, 5000 },
    { "50.0", RC_OK, 5000 },
    { "50.00", RC_OK, 5000 },
    { "0.5", RC_OK, 50 },
    { "0.05", RC_OK, 5 },
    { "-0.05", RC_OK, -5 },
    { "-0", RC_OK, 0 },
    { "10.09", RC_OK, 1009 },
    { "90071992547409.91", RC_OK, MAX },
    { "-90071992547409.91", RC_OK, -MAX },
    { "90071992547409.92", RC_FULL, 0 },
    { "-90071992547409.92", RC_FULL, 0 },
    { "90071992547410", RC_FULL, 0 },
    { "9007199254740991", RC_FULL, 0 },
    { "99999999999999999999999999999999", RC_FULL, 0 },
    { "18446744073709551616", RC_FULL, 0 },
    { "99999999999999999999999999999999x", RC_MALFORMED, 0 },
    { "99999999999999999999999999999999.123", RC_MALFORMED, 0 },
    { "", RC_MALFORMED, 0 },
    { "-", RC_MALFORMED, 0 },
    { "--1", RC_MALFORMED, 0 },
    { "+1", RC_MALFORMED, 0 },
    { " 1", RC_MALFORMED, 0 },
    { "1 ", RC_MALFORMED, 0 },
    { "00", RC_MALFORMED, 0 },
    { "00.5", RC_MALFORMED, 0 },
    { "-01", RC_MALFORMED, 0 },
    { ".5", RC_MALFORMED, 0 },
    { "-.5", RC_MALFORMED, 0 },
    { "5.", RC_MALFORMED, 0 },
    { "5.001", RC_MALFORMED, 0 },
    { "5.0.0", RC_MALFORMED, 0 },
    { "5,00", RC_MALFORMED, 0 },
    { "1e2", RC_MALFORMED, 0 },
    { "0x10", RC_MALFORMED, 0 },
    { "nan", RC_MALFORMED, 0 },
};

static void
test_money_parse_reads_exact_decimals(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        struct money out = untouched;
        /* A copy of its own size, so that a look past the end is found. */
        size_t bytes = strlen(texts[i].text);
        char *copy = malloc(bytes + 1);
        enum rc rc;

        assert_non_null(copy);
        memcpy(copy, texts[i].text, bytes);
        rc = money_parse(copy, bytes, &out);
        free(copy);
        if (rc != texts[i].rc
            || out.minor != (rc == RC_OK ? texts[i].minor : untouched.minor))
            fail_msg("\"%s\": %s, %ld", texts[i].text, rc_name(rc), out.minor);
    }
}

static void
test_money_parse_embedded_nul_is_malformed(void **state)
{
    struct money out;

    (void)state;
    assert_int_equal(money_parse("5\0" "0", 3, &out), RC_MALFORMED);
}

static const struct {
    double value;
    enum rc rc;
    int64_t minor;
} doubles[] = {
    { 0.0, RC_OK, 0 },
    { -0.0, RC_OK, 0 },
    { 50.0, RC_OK, 5000 },
    { 0.1, RC_OK, 10 },
    { 0.29, RC_OK, 29 },   /* 0.29 * 100 is 28.999999999999996 */
    { 1.15, RC_OK, 115 },  /* 1.15 * 100 is 114.99999999999999 */
    { -1.15, RC_OK, -115 },
    { 19.99, RC_OK, 1999 },
    { 35184372088831.99, RC_OK, 3518437208883199 },
    { 44999999999999.99, RC_OK, 4499999999999999 },
    { 70368744177663.99, RC_OK, 7036874417766399 },
    { -70368744177663.99, RC_OK, -7036874417766399 },
    { 70368744177664.0, RC_FULL, 0 },
    { -70368744177664.0, RC_FULL, 0 },
    { 1e300, RC_FULL, 0 },
    { 0.005, RC_MALFORMED, 0 },
    { 0.001, RC_MALFORMED, 0 },
    { 50.001, RC_MALFORMED, 0 },
    { 1e-300, RC_MALFORMED, 0 },
    { 1.0 / 3, RC_MALFORMED, 0 },
};

static void
check_double(double value, enum rc expected, int64_t minor)
{
    struct money out = untouched;
    enum rc rc = money_from_double(value, &out);

    if (rc != expected
        || out.minor != (rc == RC_OK ? minor : untouched.minor))
        fail_msg("%.17g: %s, %ld", value, rc_name(rc), out.minor);
}

static void
test_money_from_double_never_rounds(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(doubles); i++)
        check_double(doubles[i].value, doubles[i].rc, doubles[i].minor);
    check_double((double)NAN, RC_MALFORMED, 0);
    check_double((double)INFINITY, RC_MALFORMED, 0);
    check_double((double)-INFINITY, RC_MALFORMED, 0);
}

/* What strtod() makes of any amount's text comes back as that amount. */
static void
test_money_from_double_gives_back_every_text(void **state)
{
    uint64_t random = 1;

    (void)state;
    for (int i = 0; i < 200000; i++) {
        char text[MONEY_TEXT_BYTES];
        struct money amount;

        random = random * UINT64_C(6364136223846793005)
                 + UINT64_C(1442695040888963407);
        amount.minor = (int64_t)(random >> (12 + i % 48))
                       % INT64_C(7036874417766400);
        if (i & 1)
            amount.minor = -amount.minor;
        money_format(amount, text);
        check_double(strtod(text, NULL), RC_OK, amount.minor);
    }
}

static const struct {
    int64_t minor;
    const char *text;
} formats[] = {
    { 0, "0.00" },          { 5, "0.05" },      { -5, "-0.05" },
    { 50, "0.50" },         { 100, "1.00" },    { 5000, "50.00" },
    { -123456, "-1234.56" }, { MAX, "90071992547409.91" },
    { -MAX, "-90071992547409.91" },
};

static void
test_money_format_has_two_places(void **state)
{
    char text[MONEY_TEXT_BYTES];
    struct money back;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(formats); i++) {
        size_t length = money_format((struct money){ formats[i].minor }, text);

        assert_string_equal(text, formats[i].text);
        assert_int_equal(length, strlen(text));
        assert_int_equal(money_parse(text, length, &back), RC_OK);
        assert_int_equal(back.minor, formats[i].minor);
    }
}

static void
format(const void *amount)
{
    char text[MONEY_TEXT_BYTES];

    money_format(*(const struct money *)amount, text);
}

static void
test_money_format_out_of_range_is_a_bug(void **state)
{
    (void)state;
    assert_true(dies(format, &(struct money){ MAX + 1 }));
    assert_true(dies(format, &(struct money){ INT64_MIN }));
    assert_false(dies(format, &(struct money){ MAX }));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_money_valid_holds_its_range),
        cmocka_unit_test(test_money_operation_checks_range),
        cmocka_unit_test(test_money_parse_reads_exact_decimals),
        cmocka_unit_test(test_money_parse_embedded_nul_is_malformed),
        cmocka_unit_test(test_money_from_double_never_rounds),
        cmocka_unit_test(test_money_from_double_gives_back_every_text),
        cmocka_unit_test(test_money_format_has_two_places),
        cmocka_unit_test(test_money_format_out_of_range_is_a_bug),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
