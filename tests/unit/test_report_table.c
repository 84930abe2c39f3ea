#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "broker/report_table.h"

static struct report_table table;

static enum rc
put(unsigned name, uint8_t octet, int64_t now_us)
{
    struct protocol_report report = { .bytes_count = 1, .bytes = &octet };

    snprintf(report.name, sizeof(report.name), "p%u", name);
    return report_table_put(&table, &report, now_us);
}

static int
setup(void **state)
{
    (void)state;
    memset(&table, 0, sizeof(table));
    return 0;
}

static void
test_report_table_keeps_the_last_of_each(void **state)
{
    (void)state;
    assert_int_equal(put(1, 10, 100), RC_OK);
    assert_int_equal(put(2, 20, 101), RC_OK);
    assert_int_equal(put(1, 11, 102), RC_OK);
    assert_int_equal(table.count, 2);
    assert_string_equal(table.rows[0].name, "p1");
    assert_int_equal(table.rows[0].bytes[0], 11);
    assert_int_equal(table.rows[0].told_us, 102);
    assert_int_equal(table.rows[1].bytes[0], 20);
}

static void
test_report_table_full_of_the_living_refuses(void **state)
{
    (void)state;
    for (unsigned i = 0; i < REPORT_TABLE_MAX; i++)
        assert_int_equal(put(i, 0, i), RC_OK);
    assert_int_equal(put(1000, 0, REPORT_FORGET_US - 1), RC_FULL);
    assert_int_equal(put(3, 1, REPORT_FORGET_US - 1), RC_OK);
}

static void
test_report_table_longest_silent_makes_room(void **state)
{
    (void)state;
    for (unsigned i = 0; i < REPORT_TABLE_MAX; i++)
        assert_int_equal(put(i, 0, i == 5 ? 0 : 1), RC_OK);
    assert_int_equal(put(1000, 7, REPORT_FORGET_US + 1), RC_OK);
    assert_string_equal(table.rows[5].name, "p1000");
    assert_int_equal(table.count, REPORT_TABLE_MAX);
}

static void
test_report_table_forgets_one_alone(void **state)
{
    (void)state;
    for (unsigned i = 0; i < REPORT_TABLE_MAX; i++)
        assert_int_equal(put(i, (uint8_t)i, 1), RC_OK);
    report_table_forget(&table, "p5");
    report_table_forget(&table, "p5");
    report_table_forget(&table, "nobody");
    assert_int_equal(table.count, REPORT_TABLE_MAX - 1);
    for (unsigned i = 0; i < table.count; i++)
        assert_int_equal(table.rows[i].bytes[0], i < 5 ? i : i + 1);
    assert_int_equal(put(5, 55, 2), RC_OK);
    assert_string_equal(table.rows[REPORT_TABLE_MAX - 1].name, "p5");
    report_table_forget(&table, "p5");
    assert_int_equal(table.count, REPORT_TABLE_MAX - 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_report_table_keeps_the_last_of_each, setup),
        cmocka_unit_test_setup(test_report_table_full_of_the_living_refuses,
                               setup),
        cmocka_unit_test_setup(test_report_table_longest_silent_makes_room,
                               setup),
        cmocka_unit_test_setup(test_report_table_forgets_one_alone, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
