#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "saga/refusal.h"
#include "../support/dies.h"

/* Names and their rank are the format of stores, events and metrics. */
static const char *const ranked[] = {
    "",          "DUPLICATE_CONFLICT", "UNKNOWN_USER", "ACCOUNT_FROZEN",
    "CURRENCY_MISMATCH", "CANCELLED",  "TIMEOUT",      "INSUFFICIENT_CREDIT",
    "LIMIT_EXCEEDED",
};

static void
test_refusal_names_keep_their_rank(void **state)
{
    (void)state;
    assert_int_equal(ARRAY_COUNT(ranked), REFUSAL_COUNT);
    for (enum refusal i = 0; i < REFUSAL_COUNT; i++)
        assert_string_equal(refusal_name(i), ranked[i]);
}

static void
test_refusal_find_gives_back_every_name(void **state)
{
    (void)state;
    for (enum refusal i = 1; i < REFUSAL_COUNT; i++) {
        const char *name = refusal_name(i);

        assert_int_equal(refusal_find(name, strlen(name)), i);
    }
}

static void
test_refusal_find_knows_no_other_name(void **state)
{
    (void)state;
    assert_int_equal(refusal_find("", 0), REFUSAL_COUNT);
    assert_int_equal(refusal_find("NONE", 4), REFUSAL_COUNT);
    assert_int_equal(refusal_find("CANCELLE", 8), REFUSAL_COUNT);
    assert_int_equal(refusal_find("CANCELLED", 8), REFUSAL_COUNT);
    assert_int_equal(refusal_find("CANCELLED\0", 10), REFUSAL_COUNT);
    assert_int_equal(refusal_find("cancelled", 9), REFUSAL_COUNT);
    assert_int_equal(refusal_find("TIMEOUTS", 8), REFUSAL_COUNT);
}

static void
test_refusal_none_has_no_words(void **state)
{
    (void)state;
    assert_string_equal(refusal_name(REFUSAL_NONE), "");
}

static void
name(const void *refusal)
{
    (void)refusal_name(*(const enum refusal *)refusal);
}

static void
test_refusal_out_of_the_list_is_a_bug(void **state)
{
    enum refusal none = REFUSAL_COUNT;

    (void)state;
    assert_true(dies(name, &none));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusal_names_keep_their_rank),
        cmocka_unit_test(test_refusal_find_gives_back_every_name),
        cmocka_unit_test(test_refusal_find_knows_no_other_name),
        cmocka_unit_test(test_refusal_none_has_no_words),
        cmocka_unit_test(test_refusal_out_of_the_list_is_a_bug),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
