#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "saga/text_writer.h"

static char buffer[1024];
static struct text_writer writer;

static int
begin(void **state)
{
    (void)state;
    memset(buffer, 0, sizeof(buffer));
    text_writer_init(&writer, buffer, sizeof(buffer));
    return 0;
}

static void
test_text_writer_uint_prints_all_digits(void **state)
{
    (void)state;
    text_put_uint(&writer, 0);
    text_put(&writer, " ");
    text_put_uint(&writer, 9007199254740991);
    text_put(&writer, " ");
    text_put_uint(&writer, UINT64_MAX);
    text_end(&writer);
    assert_string_equal(buffer, "0 9007199254740991 18446744073709551615");
}

static const struct {
    const char *name;
    int64_t us;
    const char *text;
} times[] = {
    { "epoch", 0, "1970-01-01T00:00:00.000Z" },
    { "before_epoch_is_epoch", -1, "1970-01-01T00:00:00.000Z" },
    { "now_and_then", 1795352707123456, "2026-11-22T13:05:07.123Z" },
    { "milliseconds_are_cut", 999999, "1970-01-01T00:00:00.999Z" },
    { "leap_day", 1709164800000000, "2024-02-29T00:00:00.000Z" },
    { "day_after_leap_day", 1709251200000000, "2024-03-01T00:00:00.000Z" },
    { "last_day_of_leap_year", 1735689599999999, "2024-12-31T23:59:59.999Z" },
    { "no_leap_in_2100", 4107542400000000, "2100-03-01T00:00:00.000Z" },
    { "leap_in_2000", 951782400000000, "2000-02-29T00:00:00.000Z" },
    { "last_of_four_digits", 253402300799999999, "9999-12-31T23:59:59.999Z" },
    { "beyond_is_the_last", INT64_MAX, "9999-12-31T23:59:59.999Z" },
};

static void
test_text_writer_time_is_rfc3339(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(times); i++) {
        begin(NULL);
        text_put_time(&writer, times[i].us);
        text_end(&writer);
        if (strcmp(buffer, times[i].text) != 0)
            fail_msg("%s: %s", times[i].name, buffer);
    }
}

static void
test_text_writer_time_us_has_six_decimals(void **state)
{
    (void)state;
    text_put_time_us(&writer, 1795352707123456);
    text_put(&writer, " ");
    text_put_time_us(&writer, INT64_MAX);
    text_end(&writer);
    assert_string_equal(
        buffer, "2026-11-22T13:05:07.123456Z 9999-12-31T23:59:59.999999Z");
}

static void
test_text_writer_int_prints_its_sign(void **state)
{
    (void)state;
    json_begin(&writer, '[');
    json_int(&writer, INT64_MIN);
    json_int(&writer, -1);
    json_int(&writer, 0);
    json_int(&writer, INT64_MAX);
    json_end(&writer, ']');
    text_end(&writer);
    assert_string_equal(buffer,
                        "[-9223372036854775808,-1,0,9223372036854775807]");
}

static const struct {
    const char *name;
    const char *text;
    const char *json;
} texts[] = {
    { "empty", "", "\"\"" },
    { "plain", "ORDER_CREATED", "\"ORDER_CREATED\"" },
    { "quote_and_backslash", "a\"b\\c", "\"a\\\"b\\\\c\"" },
    { "slash_stays", "a/b", "\"a/b\"" },
    { "short_escapes", "\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\"" },
    { "control", "\x01\x1f\x7f", "\"\\u0001\\u001F\\u007F\"" },
    { "two_bytes", "\xc3\xa9", "\"\xc3\xa9\"" },
    { "three_bytes", "\xe2\x82\xac", "\"\xe2\x82\xac\"" },
    { "four_bytes", "\xf0\x9f\x92\xa9", "\"\xf0\x9f\x92\xa9\"" },
    { "last_character", "\xf4\x8f\xbf\xbf", "\"\xf4\x8f\xbf\xbf\"" },
    { "above_the_last", "\xf4\x90\x80\x80",
      "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
    { "lone_continuation", "a\x80" "b", "\"a\xef\xbf\xbd" "b\"" },
    { "cut_character", "\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
    { "overlong_two", "\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
    { "overlong_three", "\xe0\x80\xaf",
      "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
    { "overlong_four", "\xf0\x80\x80\xaf",
      "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
    { "surrogate", "\xed\xa0\x80",
      "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
    { "never_a_byte", "\xff", "\"\xef\xbf\xbd\"" },
};

static void
test_text_writer_json_text_escapes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        begin(NULL);
        json_text(&writer, texts[i].text);
        text_end(&writer);
        if (strcmp(buffer, texts[i].json) != 0)
            fail_msg("%s: %s", texts[i].name, buffer);
    }
}

static void
test_text_writer_json_sets_commas(void **state)
{
    (void)state;
    json_begin(&writer, '{');
    json_key(&writer, "a");
    json_begin(&writer, '[');
    json_uint(&writer, 1);
    json_money(&writer, (struct money){ 5000 });
    json_begin(&writer, '{');
    json_end(&writer, '}');
    json_begin(&writer, '[');
    json_end(&writer, ']');
    json_text(&writer, "x");
    json_end(&writer, ']');
    json_key(&writer, "b");
    json_time(&writer, 0);
    json_key(&writer, "c");
    json_uint(&writer, 2);
    json_end(&writer, '}');
    text_end(&writer);
    assert_string_equal(buffer, "{\"a\":[1,50.00,{},[],\"x\"],"
                                "\"b\":\"1970-01-01T00:00:00.000Z\",\"c\":2}");
}

static void
test_text_writer_percent_escapes_all_but_unreserved(void **state)
{
    (void)state;
    text_put_percent(&writer, "aZ09-._~ &=%/\xc3\xa9");
    text_end(&writer);
    assert_string_equal(buffer, "aZ09-._~%20%26%3D%25%2F%C3%A9");
}

static void
test_text_writer_full_stays_failed(void **state)
{
    (void)state;
    text_writer_init(&writer, buffer, 4);
    text_put(&writer, "abcd");
    assert_false(writer.failed);
    text_put(&writer, "e");
    assert_true(writer.failed);
    text_put(&writer, "");
    assert_true(writer.failed);
    assert_int_equal(writer.used, 4);
    assert_int_equal(buffer[4], 0);
}

static void
test_text_writer_end_needs_room(void **state)
{
    (void)state;
    text_writer_init(&writer, buffer, 4);
    text_put(&writer, "abcd");
    text_end(&writer);
    assert_true(writer.failed);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_text_writer_uint_prints_all_digits, begin),
        cmocka_unit_test_setup(test_text_writer_time_is_rfc3339, begin),
        cmocka_unit_test_setup(test_text_writer_time_us_has_six_decimals,
                               begin),
        cmocka_unit_test_setup(test_text_writer_int_prints_its_sign, begin),
        cmocka_unit_test_setup(test_text_writer_json_text_escapes, begin),
        cmocka_unit_test_setup(test_text_writer_json_sets_commas, begin),
        cmocka_unit_test_setup(
            test_text_writer_percent_escapes_all_but_unreserved, begin),
        cmocka_unit_test_setup(test_text_writer_full_stays_failed, begin),
        cmocka_unit_test_setup(test_text_writer_end_needs_room, begin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
