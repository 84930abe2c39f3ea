#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "saga/histogram.h"

static void
test_histogram_bounds_rise(void **state)
{
    (void)state;
    for (unsigned i = 1; i < HISTOGRAM_BOUNDS; i++) {
        assert_true(histogram_us_bounds[i] > histogram_us_bounds[i - 1]);
        assert_true(histogram_count_bounds[i] > histogram_count_bounds[i - 1]);
    }
}

static void
test_histogram_value_at_its_bound_is_within(void **state)
{
    struct histogram histogram = { 0 };
    const uint64_t *bounds = histogram_count_bounds;

    (void)state;
    histogram_note(&histogram, bounds, 0);
    histogram_note(&histogram, bounds, bounds[0]);
    histogram_note(&histogram, bounds, bounds[0] + 1);
    histogram_note(&histogram, bounds, bounds[HISTOGRAM_BOUNDS - 1]);
    histogram_note(&histogram, bounds, bounds[HISTOGRAM_BOUNDS - 1] + 1);
    assert_int_equal(histogram.counts[0], 2);
    assert_int_equal(histogram.counts[1], 1);
    assert_int_equal(histogram.counts[HISTOGRAM_BOUNDS - 1], 1);
    assert_int_equal(histogram.counts[HISTOGRAM_BOUNDS], 1);
    assert_int_equal(histogram_count(&histogram), 5);
    assert_int_equal(histogram.sum,
                     2 * bounds[0] + 1 + 2 * bounds[HISTOGRAM_BOUNDS - 1] + 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_histogram_bounds_rise),
        cmocka_unit_test(test_histogram_value_at_its_bound_is_within),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
