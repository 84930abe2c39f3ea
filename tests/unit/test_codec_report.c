#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "saga/report.h"

static uint8_t buffer[REPORT_BYTES_MAX];

static enum rc
decode(const char *bytes, size_t size, struct report *report)
{
    return report_decode(report, (const uint8_t *)bytes, size);
}

static void
test_codec_report_comes_back_whole(void **state)
{
    struct report report, back;
    uint64_t *numbers = (uint64_t *)(void *)&report;
    size_t bytes;

    (void)state;
    for (size_t i = 0; i < sizeof report / sizeof *numbers; i++)
        numbers[i] = UINT64_MAX - i;
    bytes = report_encode(&report, buffer);
    assert_true(bytes <= sizeof buffer);
    assert_int_equal(report_decode(&back, buffer, bytes), RC_OK);
    assert_memory_equal(&back, &report, sizeof report);
    for (size_t cut = 0; cut < bytes; cut++)
        assert_int_equal(report_decode(&back, buffer, cut), RC_MALFORMED);
}

static void
test_codec_report_unknown_names_are_ignored(void **state)
{
    struct report report;

    (void)state;
    assert_int_equal(decode("\x82\xa3new\xc3\xa6outbox\x07", 14, &report),
                     RC_OK);
    assert_int_equal(report.outbox, 7);
    assert_int_equal(report.pid, 0);
    assert_int_equal(decode("\x80", 1, &report), RC_OK);
}

static void
test_codec_report_wrong_ones_are_malformed(void **state)
{
    static const struct { const char *bytes; size_t size; } wrong[] = {
        { "", 0 },
        { "\x07", 1 },                                /* no map          */
        { "\x81\x01\x02", 3 },                        /* no name         */
        { "\x81\xa6outbox\xff", 9 },                 /* below 0         */
        { "\x81\xa6outbox\xa1x", 10 },               /* a text          */
        { "\x81\xa7" "flushUs\x01", 10 },             /* no array        */
        { "\x81\xa7" "flushUs\x92\x01\x02", 12 },     /* too short       */
        { "\x80\x80", 2 },                            /* two maps        */
    };
    struct report report;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(wrong); i++)
        assert_int_equal(decode(wrong[i].bytes, wrong[i].size, &report),
                         RC_MALFORMED);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codec_report_comes_back_whole),
        cmocka_unit_test(test_codec_report_unknown_names_are_ignored),
        cmocka_unit_test(test_codec_report_wrong_ones_are_malformed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
