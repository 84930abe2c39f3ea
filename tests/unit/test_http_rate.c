#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "gateway/http_rate.h"

#define START_US 5000000

static struct rate_table table;

static int
begin(void **state)
{
    (void)state;
    memset(&table, 0, sizeof(table));
    return 0;
}

static struct rate_address
client(uint32_t number)
{
    const uint8_t octets[4] = { 10, (uint8_t)(number >> 16),
                                (uint8_t)(number >> 8), (uint8_t)number };

    return rate_address_v4(octets);
}

/* How many of `asked` requests at that moment are let through. */
static unsigned
taken(uint32_t number, uint64_t per_s, unsigned asked, int64_t now_us)
{
    struct rate_address address = client(number);
    unsigned count = 0;

    while (asked-- > 0)
        count += rate_take(&table, &address, per_s, now_us) == 0;
    return count;
}

/* After a burst that empties the bucket: asked again at a later moment. */
static const struct {
    const char *name;
    uint64_t per_s;
    int64_t later_us;
    unsigned expected;
} refills[] = {
    { "at_once", 10, 0, 0 },
    { "just_before_the_next", 10, 99999, 0 },
    { "the_next", 10, 100000, 1 },
    { "half_a_second", 10, 500000, 5 },
    { "a_second_is_full", 10, 1000000, 10 },
    { "never_fuller", 10, INT64_C(3600000000), 10 },
    /* Times ten this is 4, if it may wrap. */
    { "after_ages", 10, INT64_C(1844674407370955162), 10 },
    { "clock_set_back", 10, -1000000, 0 },
    { "one_a_second_early", 1, 999999, 0 },
    { "one_a_second", 1, 1000000, 1 },
    { "most", RATE_MAX, 7, 7 },
};

static void
test_http_rate_bucket_fills_evenly(void **state)
{
    for (size_t i = 0; i < ARRAY_COUNT(refills); i++) {
        unsigned all = (unsigned)refills[i].per_s;
        unsigned count;

        begin(state);
        assert_int_equal(taken(1, refills[i].per_s, all + 5, START_US), all);
        count = taken(1, refills[i].per_s, all + 5,
                      START_US + refills[i].later_us);
        if (count != refills[i].expected)
            fail_msg("%s: %u", refills[i].name, count);
    }
}

/* Asked often between two, it fills no slower. */
static void
test_http_rate_refused_requests_cost_nothing(void **state)
{
    unsigned count = 0;

    (void)state;
    assert_int_equal(taken(1, 3, 3, START_US), 3);
    for (int64_t ms = 1; ms <= 2000; ms++)
        count += taken(1, 3, 1, START_US + ms * 1000);
    assert_in_range(count, 5, 6);
}

static void
test_http_rate_refusal_tells_when_to_come_back(void **state)
{
    struct rate_address address = client(1);

    (void)state;
    assert_int_equal(rate_take(&table, &address, 1, START_US), 0);
    assert_int_equal(rate_take(&table, &address, 1, START_US), 1);
    assert_int_equal(rate_take(&table, &address, 1, START_US + 999999), 1);
    assert_int_equal(rate_take(&table, &address, 1, START_US + 1000000), 0);
}

static void
test_http_rate_addresses_do_not_share(void **state)
{
    (void)state;
    assert_int_equal(taken(1, 2, 5, START_US), 2);
    assert_int_equal(taken(2, 2, 5, START_US), 2);
    assert_int_equal(taken(1, 2, 5, START_US), 0);
}

/* Whoever asked last keeps his bucket however many others come; the table
 * forgets those who are silent, and nobody else. */
static void
test_http_rate_full_table_forgets_the_silent(void **state)
{
    int64_t now_us = START_US;

    (void)state;
    assert_int_equal(taken(0, 1, 1, now_us), 1);
    for (uint32_t number = 1; number <= 4 * RATE_BUCKETS; number++) {
        assert_int_equal(taken(number, 1, 2, ++now_us), 1);
        assert_int_equal(taken(0, 1, 1, now_us), 0);
    }
    assert_int_equal(taken(1, 1, 1, ++now_us), 1);
}

static void
test_http_rate_address_of_v6_is_its_network(void **state)
{
    static const uint8_t one[16] = { 0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 1 };
    static const uint8_t near[16] = { 0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 2 };
    static const uint8_t other[16] = { 0x20, 1, 0xd, 0xb8, 0, 0, 0, 2, 1 };
    static const uint8_t mapped[16] = { [10] = 255, [11] = 255, 10, 0, 0, 7 };
    struct rate_address a = rate_address_v6(one);
    struct rate_address b = rate_address_v6(near);
    struct rate_address c = rate_address_v6(other);
    struct rate_address d = rate_address_v6(mapped);
    struct rate_address e = client(7);

    (void)state;
    assert_memory_equal(&a, &b, sizeof(a));
    assert_memory_not_equal(&a, &c, sizeof(a));
    assert_memory_equal(&d, &e, sizeof(d));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_http_rate_bucket_fills_evenly, begin),
        cmocka_unit_test_setup(test_http_rate_refused_requests_cost_nothing,
                               begin),
        cmocka_unit_test_setup(test_http_rate_refusal_tells_when_to_come_back,
                               begin),
        cmocka_unit_test_setup(test_http_rate_addresses_do_not_share, begin),
        cmocka_unit_test_setup(test_http_rate_full_table_forgets_the_silent,
                               begin),
        cmocka_unit_test(test_http_rate_address_of_v6_is_its_network),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
