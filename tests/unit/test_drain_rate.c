#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "gateway/drain_rate.h"

#define SECOND INT64_C(1000000)

static const struct {
    const char *name;
    uint32_t samples;
    int64_t per_second; /* acknowledged */
    uint64_t backlog, limit;
    uint32_t expected;
} waits[] = {
    { "nothing_known", 0, 0, 1000, 1000, 1 },
    { "one_sample", 1, 100, 1000, 1000, 1 },
    { "two_samples", 2, 100, 1000, 1000, 5 },
    { "many_samples", 50, 100, 1000, 1000, 5 },
    { "rounded_up", 8, 100, 1001, 1000, 6 },
    { "at_once", 8, 1000000, 1000, 1000, 1 },
    { "below_half", 8, 0, 500, 1000, 1 },
    { "nothing_drained", 8, 0, 1000, 1000, 60 },
    { "slow", 8, 1, 1000, 1000, 60 },
    { "just_60", 8, 10, 1100, 1000, 60 },
    { "limit_of_1", 8, 10, 1, 1, 1 },
    { "largest", 8, INT64_C(1000000000), 1000000000, 1000000000, 1 },
    { "backlog_far_over", 8, 10, UINT64_MAX, 1000, 60 },
};

static void
test_drain_rate_wait_follows_the_rate(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(waits); i++) {
        struct drain_rate rate = { .count = 0 };
        int64_t n;
        uint32_t wait;

        for (n = 0; n < waits[i].samples; n++)
            assert_true(drain_rate_note(&rate, 77 + n * SECOND,
                                        n * waits[i].per_second - 5));
        wait = drain_rate_wait_s(&rate, waits[i].backlog, waits[i].limit);
        if (wait != waits[i].expected)
            fail_msg("%s: %u", waits[i].name, wait);
    }
}

static void
test_drain_rate_samples_once_a_second(void **state)
{
    struct drain_rate rate = { .count = 0 };

    (void)state;
    assert_true(drain_rate_note(&rate, 5, 0));
    assert_false(drain_rate_note(&rate, 5, 10));
    assert_false(drain_rate_note(&rate, SECOND + 4, 10));
    assert_true(drain_rate_note(&rate, SECOND + 5, 10));
    assert_int_equal(rate.count, 2);
    assert_int_equal(drain_rate_wait_s(&rate, 200, 200), 10);
}

/* What was long ago no longer counts. */
static void
test_drain_rate_forgets(void **state)
{
    struct drain_rate rate = { .count = 0 };
    int64_t second;

    (void)state;
    for (second = 0; second < 20; second++)
        assert_true(drain_rate_note(&rate, second * SECOND, second * 1000));
    assert_int_equal(drain_rate_wait_s(&rate, 1000, 1000), 1);
    for (; second < 20 + DRAIN_SAMPLES; second++)
        assert_true(drain_rate_note(&rate, second * SECOND, 20000));
    assert_int_equal(drain_rate_wait_s(&rate, 1000, 1000), 60);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_drain_rate_wait_follows_the_rate),
        cmocka_unit_test(test_drain_rate_samples_once_a_second),
        cmocka_unit_test(test_drain_rate_forgets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
