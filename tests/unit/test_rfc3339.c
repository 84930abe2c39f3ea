#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "saga/rfc3339.h"
#include "saga/text_writer.h"

static const struct {
    const char *text;
    int64_t us;
} times[] = {
    { "1970-01-01T00:00:00Z", 0 },
    { "1970-01-01t00:00:00z", 0 },
    { "1970-01-01T01:00:00+01:00", 0 },
    { "1969-12-31T23:30:00-00:30", 0 },
    { "2026-11-22T13:05:07.123456Z", 1795352707123456 },
    { "2026-11-22T13:05:07.1234569999Z", 1795352707123456 },
    { "2026-11-22T13:05:07.1Z", 1795352707100000 },
    { "2026-11-22T18:35:07.123456+05:30", 1795352707123456 },
    { "2024-02-29T00:00:00Z", 1709164800000000 },
    { "2000-02-29T00:00:00Z", 951782400000000 },
    { "2016-12-31T23:59:60Z", 1483228800000000 },
    { "9999-12-31T23:59:59.999999Z", 253402300799999999 },
};

static void
test_rfc3339_times_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(times); i++) {
        int64_t us = -1;

        if (rfc3339_read(times[i].text, strlen(times[i].text), &us) != RC_OK
            || us != times[i].us)
            fail_msg("%s: %ld", times[i].text, us);
    }
}

static const char *const wrong[] = {
    "", "2026", "2026-11-22", "2026-11-22 13:05:07Z", "2026-11-22T13:05Z",
    "2026-11-22T13:05:07", "2026-11-22T13:05:07.Z", "2026-11-22T13:05:07Zx",
    "2026-11-22T13:05:07+1:00", "2026-11-22T13:05:07+0100",
    "2026-11-22T13:05:07+24:00", "2026-11-22T13:05:07+01:60",
    "2026-13-22T13:05:07Z", "2026-00-22T13:05:07Z", "2026-11-00T13:05:07Z",
    "2026-11-31T13:05:07Z", "2026-02-29T13:05:07Z", "2100-02-29T13:05:07Z",
    "2026-11-22T24:05:07Z", "2026-11-22T13:60:07Z", "2026-11-22T13:05:61Z",
    "-026-11-22T13:05:07Z", "2026-1a-22T13:05:07Z", "1969-12-31T23:59:59Z",
    "1970-01-01T00:59:59+01:00", "0000-01-01T00:00:00Z",
};

static void
test_rfc3339_anything_else_is_malformed(void **state)
{
    int64_t us;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(wrong); i++)
        if (rfc3339_read(wrong[i], strlen(wrong[i]), &us) != RC_MALFORMED)
            fail_msg("%s: %ld", wrong[i], us);
}

static void
test_rfc3339_what_the_writer_wrote_comes_back(void **state)
{
    (void)state;
    for (int64_t us = 0; us < INT64_C(253402300799999999);
         us += INT64_C(86400000000) * 97 + 1234567891) {
        char text[40];
        struct text_writer writer;
        int64_t back = -1;

        text_writer_init(&writer, text, sizeof(text));
        text_put_time_us(&writer, us);
        assert_int_equal(rfc3339_read(text, writer.used, &back), RC_OK);
        assert_int_equal(back, us);
    }
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc3339_times_are_read),
        cmocka_unit_test(test_rfc3339_anything_else_is_malformed),
        cmocka_unit_test(test_rfc3339_what_the_writer_wrote_comes_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
