/* What is plain is read; all else is left to body_parse(). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "gateway/body_plain.h"

enum { USER, QUANTITY, BALANCE, KEY, FIELDS };

static const struct body_field fields[FIELDS] = {
    [USER] = { "userId", BODY_ID, true },
    [QUANTITY] = { "quantity", BODY_COUNT, false },
    [BALANCE] = { "balance", BODY_AMOUNT, false },
    [KEY] = { "key", BODY_KEY, false },
};

static const struct {
    const char *name;
    const char *text;
    uint64_t user;    /* 0: it is not plain */
    int64_t quantity; /* 0: not there       */
} bodies[] = {
    { "smallest", "{\"userId\":1}", 1, 0 },
    { "both", "{\"userId\":12,\"quantity\":1000}", 12, 1000 },
    { "in_any_order", "{\"quantity\":3,\"userId\":12}", 12, 3 },
    { "blanks", " \t\r\n{ \"userId\" : 7 , \"quantity\"\n:2 } \n", 7, 2 },
    { "largest_id", "{\"userId\":9007199254740991}", 9007199254740991, 0 },
    { "empty", "{}", 0, 0 },
    { "required_is_missing", "{\"quantity\":1}", 0, 0 },
    { "zero", "{\"userId\":0}", 0, 0 },
    { "leading_zero", "{\"userId\":01}", 0, 0 },
    { "sign", "{\"userId\":-1}", 0, 0 },
    { "plus", "{\"userId\":+1}", 0, 0 },
    { "fraction", "{\"userId\":1.0}", 0, 0 },
    { "exponent", "{\"userId\":1e2}", 0, 0 },
    { "one_above_the_largest_id", "{\"userId\":9007199254740992}", 0, 0 },
    { "no_uint64", "{\"userId\":99999999999999999999999}", 0, 0 },
    { "wraps_to_one", "{\"userId\":18446744073709551617}", 0, 0 },
    { "quantity_too_large", "{\"userId\":1,\"quantity\":1001}", 0, 0 },
    { "no_number", "{\"userId\":}", 0, 0 },
    { "text", "{\"userId\":\"1\"}", 0, 0 },
    { "null", "{\"userId\":null}", 0, 0 },
    { "array", "{\"userId\":[1]}", 0, 0 },
    { "twice", "{\"userId\":1,\"userId\":1}", 0, 0 },
    { "another_key", "{\"userId\":1,\"user\":1}", 0, 0 },
    { "longer_key", "{\"userIds\":1}", 0, 0 },
    { "escaped_key", "{\"user\\u0049d\":1}", 0, 0 },
    { "key_of_another_kind", "{\"userId\":1,\"balance\":1}", 0, 0 },
    { "key_kind", "{\"userId\":1,\"key\":1}", 0, 0 },
    { "key_without_end", "{\"userId", 0, 0 },
    { "no_colon", "{\"userId\" 1}", 0, 0 },
    { "comma_at_the_end", "{\"userId\":1,}", 0, 0 },
    { "no_comma", "{\"userId\":1 \"quantity\":1}", 0, 0 },
    { "no_end", "{\"userId\":1", 0, 0 },
    { "text_behind", "{\"userId\":1}x", 0, 0 },
    { "object_behind", "{\"userId\":1}{}", 0, 0 },
    { "no_object", "1", 0, 0 },
    { "blank", " ", 0, 0 },
};

static bool
parse(const char *text, size_t bytes, struct body_value *values)
{
    memset(values, 0, FIELDS * sizeof values[0]);
    return body_plain_parse(text, bytes, fields, FIELDS, values);
}

static void
test_body_plain_reads_what_is_plain(void **state)
{
    struct body_value values[FIELDS];
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_COUNT(bodies); i++) {
        bool plain = parse(bodies[i].text, strlen(bodies[i].text), values);

        if (plain != (bodies[i].user != 0))
            fail_msg("%s", bodies[i].name);
        if (!plain)
            continue;
        assert_int_equal(values[USER].id, bodies[i].user);
        assert_int_equal(values[QUANTITY].count, bodies[i].quantity);
        assert_int_equal(values[QUANTITY].present, bodies[i].quantity != 0);
        assert_false(values[BALANCE].present);
    }
}

/* The text has an end, and a NUL is nothing special. */
static void
test_body_plain_stops_at_the_end(void **state)
{
    static const char text[] = "{\"userId\":12,\"quantity\":3}";
    struct body_value values[FIELDS];
    size_t bytes;

    (void)state;
    for (bytes = 0; bytes < sizeof text - 1; bytes++)
        assert_false(parse(text, bytes, values));
    assert_true(parse(text, bytes, values));
    assert_false(parse(text, bytes + 1, values));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_body_plain_reads_what_is_plain),
        cmocka_unit_test(test_body_plain_stops_at_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
