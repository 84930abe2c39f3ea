#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/order_levels.h"

/* 19 runs of level 0 are 2 of level 1, and 3; the next merge has 8 at 24. */
static const struct order_levels some = {
    .mark = 99,
    .level = { { 27, { 5, 40 } }, { 2, { 0, 0 } } },
};

static void
test_order_levels_come_back(void **state)
{
    uint8_t row[ORDER_LEVELS_ROW_BYTES];
    struct order_levels read;

    (void)state;
    order_levels_encode(&some, row);
    assert_int_equal(order_levels_decode(row, sizeof row, &read), RC_OK);
    assert_memory_equal(&read, &some, sizeof read);
}

static void
test_order_levels_tell_which_runs_there_are(void **state)
{
    struct order_levels levels = some;

    (void)state;
    assert_int_equal(order_levels_first(&levels, 0), 16);
    assert_int_equal(order_levels_end(&levels, 0), 27);
    assert_int_equal(order_levels_first(&levels, 1), 0);
    assert_int_equal(order_levels_end(&levels, 1), 3); /* the new one, too */
    assert_int_equal(order_levels_end(&levels, 2), 0);
    assert_true(order_levels_due(&levels, 0));
    assert_false(order_levels_due(&levels, 1));
    order_levels_complete(&levels, 0);
    assert_int_equal(order_levels_first(&levels, 0), 24);
    assert_int_equal(order_levels_end(&levels, 1), 3);
    assert_false(order_levels_due(&levels, 0));
    levels.level[0].runs = 31;
    assert_false(order_levels_due(&levels, 0));
    levels.level[0].runs = 32;
    assert_true(order_levels_due(&levels, 0));
}

static void
test_order_levels_top_is_not_merged(void **state)
{
    struct order_levels levels = { .mark = 1 };

    (void)state;
    levels.level[ORDER_LEVELS - 1].runs = 100;
    assert_false(order_levels_due(&levels, ORDER_LEVELS - 1));
    assert_int_equal(order_levels_first(&levels, ORDER_LEVELS - 1), 0);
}

static void
test_order_levels_tell_from_where_a_run_counts(void **state)
{
    static const struct {
        uint8_t level;
        uint64_t run;
        bool have;
        struct order_entry from;
    } cases[] = {
        { 0, 15, false, { 0, 0 } }, /* merged long ago */
        { 0, 16, true, { 5, 40 } }, /* in part in the new run now */
        { 0, 23, true, { 5, 40 } },
        { 0, 24, true, { 0, 0 } }, /* of the next merge */
        { 0, 26, true, { 0, 0 } },
        { 0, 27, false, { 0, 0 } }, /* not there yet */
        { 1, 0, true, { 0, 0 } },
        { 1, 2, true, { 0, 0 } }, /* the new one */
        { 1, 3, false, { 0, 0 } },
        { 2, 0, false, { 0, 0 } },
        { ORDER_LEVELS, 0, false, { 0, 0 } },
        { 255, 0, false, { 0, 0 } },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct order_entry from = { 0, 0 };

        if (order_levels_have(&some, cases[i].level, cases[i].run, &from) !=
                cases[i].have ||
            order_entry_compare(&from, &cases[i].from) != 0)
            fail_msg("case %zu", i);
    }
}

static void
test_order_levels_that_can_not_be_are_refused(void **state)
{
    uint8_t row[ORDER_LEVELS_ROW_BYTES + 1] = { 0 };
    struct order_levels wrong, read;
    size_t i;

    (void)state;
    order_levels_encode(&some, row);
    for (i = 0; i <= sizeof row; i++)
        assert_int_equal(order_levels_decode(row, i, &read),
                         i == ORDER_LEVELS_ROW_BYTES ? RC_OK : RC_DAMAGED);
    for (i = 0; i < 10; i++) {
        wrong = some;
        switch (i) {
        case 0: wrong.mark = ID_MAX + 2; break;
        case 1: wrong.level[1].runs = 4; break; /* of 27 */
        case 2: wrong.level[0].runs = 23; break; /* merging, but not due */
        case 3: wrong.level[0].merged.order = 0; break;
        case 4: wrong.level[0].merged.user = 0; break;
        case 5: wrong.level[0].merged.user = ID_MAX + 1; break;
        case 6: wrong.level[ORDER_LEVELS - 1].merged = some.level[0].merged;
            break;
        case 7: wrong.level[0].runs = wrong.mark + 1; break;
        case 8: wrong.mark = 26; break;
        case 9:
            wrong.mark = ID_MAX;
            wrong.level[0].runs = 16 + ORDER_RUNS_LIMIT + 1;
            break;
        }
        order_levels_encode(&wrong, row);
        if (order_levels_decode(row, ORDER_LEVELS_ROW_BYTES, &read) !=
            RC_DAMAGED)
            fail_msg("case %zu", i);
    }
    order_levels_encode(&some, row);
    row[0] = 2;
    assert_int_equal(order_levels_decode(row, ORDER_LEVELS_ROW_BYTES, &read),
                     RC_DAMAGED);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_levels_come_back),
        cmocka_unit_test(test_order_levels_tell_which_runs_there_are),
        cmocka_unit_test(test_order_levels_top_is_not_merged),
        cmocka_unit_test(test_order_levels_tell_from_where_a_run_counts),
        cmocka_unit_test(test_order_levels_that_can_not_be_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
