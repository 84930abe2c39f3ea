#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "saga/json_view.h"

static void
check_span(struct json_span span, const char *text)
{
    assert_int_equal(span.bytes, strlen(text));
    assert_memory_equal(span.text, text, span.bytes);
}

static void
test_json_view_members_stand_as_they_are(void **state)
{
    const char *at = json_view_begin(" {\n\"a\" : 50.00 ,\"b\":\"x\\\"},\" ,"
                                     "\"c\":{\"d\":[1,\"]\"]},\"e\":null}");
    struct json_item item;

    (void)state;
    assert_true(json_view_next(&at, &item));
    check_span(item.whole, "\"a\" : 50.00");
    check_span(item.name, "a");
    check_span(item.value, "50.00");
    assert_true(json_view_next(&at, &item));
    check_span(item.name, "b");
    check_span(item.value, "\"x\\\"},\"");
    assert_true(json_view_next(&at, &item));
    check_span(item.value, "{\"d\":[1,\"]\"]}");
    assert_true(json_view_next(&at, &item));
    check_span(item.whole, "\"e\":null");
    check_span(item.value, "null");
    assert_false(json_view_next(&at, &item));
}

static void
test_json_view_elements_have_no_name(void **state)
{
    const char *at = json_view_begin("[1, \"two\" ,[3],{\"n\":4}]");
    static const char *const values[] = { "1", "\"two\"", "[3]",
                                          "{\"n\":4}" };
    struct json_item item;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(values); i++) {
        assert_true(json_view_next(&at, &item));
        assert_int_equal(item.name.bytes, 0);
        check_span(item.value, values[i]);
        check_span(item.whole, values[i]);
    }
    assert_false(json_view_next(&at, &item));
}

static void
test_json_view_empty_has_nothing(void **state)
{
    const char *at = json_view_begin("{ }");
    struct json_item item;

    (void)state;
    assert_false(json_view_next(&at, &item));
    at = json_view_begin("[]");
    assert_false(json_view_next(&at, &item));
}

static void
test_json_view_find_looks_at_its_own_level(void **state)
{
    static const char text[] = "{\"in\":{\"price\":1},\"price\":2.50}";
    struct json_span value;

    (void)state;
    assert_true(json_view_find(text, "price", &value));
    check_span(value, "2.50");
    assert_false(json_view_find(text, "pric", &value));
    assert_false(json_view_find(text, "prices", &value));
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_view_members_stand_as_they_are),
        cmocka_unit_test(test_json_view_elements_have_no_name),
        cmocka_unit_test(test_json_view_empty_has_nothing),
        cmocka_unit_test(test_json_view_find_looks_at_its_own_level),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
