#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "saga/base64.h"

/* RFC 4648, section 10, and the two digits that are no letters. */
static const struct {
    const char *octets;
    const char *text;
} pairs[] = {
    { "", "" },           { "f", "Zg==" },          { "fo", "Zm8=" },
    { "foo", "Zm9v" },    { "foob", "Zm9vYg==" },   { "fooba", "Zm9vYmE=" },
    { "foobar", "Zm9vYmFy" }, { "\xfb\xff\xfe", "+//+" },
};

static void
test_base64_pairs_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(pairs); i++) {
        size_t bytes = strlen(pairs[i].octets), used = 99;
        struct text_writer writer;
        char text[16];
        uint8_t back[8];

        text_writer_init(&writer, text, sizeof(text));
        base64_put(&writer, (const uint8_t *)pairs[i].octets, bytes);
        text_end(&writer);
        assert_string_equal(text, pairs[i].text);
        assert_int_equal(
            base64_read(text, strlen(text), back, sizeof(back), &used), RC_OK);
        assert_int_equal(used, bytes);
        assert_memory_equal(back, pairs[i].octets, bytes);
    }
}

static void
test_base64_octets_of_every_value_come_back(void **state)
{
    uint8_t octets[256], back[256];
    char text[400];
    struct text_writer writer;
    size_t used;

    (void)state;
    for (size_t i = 0; i < sizeof(octets); i++)
        octets[i] = (uint8_t)i;
    for (size_t bytes = 0; bytes <= sizeof(octets); bytes++) {
        text_writer_init(&writer, text, sizeof(text));
        base64_put(&writer, octets, bytes);
        assert_false(writer.failed);
        assert_int_equal(base64_read(text, writer.used, back, bytes, &used),
                         RC_OK);
        assert_int_equal(used, bytes);
        assert_memory_equal(back, octets, bytes);
    }
}

static const char *const wrong[] = {
    "Z", "Zg", "Zg=", "Zg=a", "Z===", "====", "Zm9v=", "Zg==Zg==", "Zm 9",
    "Zm9\n", "Zh==", "Zm9=", "Zm-_", "Zm9v\xff\xff\xff\xff",
};

static void
test_base64_another_text_is_malformed(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
        uint8_t back[16];
        size_t used;

        if (base64_read(wrong[i], strlen(wrong[i]), back, sizeof(back),
                        &used) != RC_MALFORMED)
            fail_msg("%s", wrong[i]);
    }
}

static void
test_base64_one_octet_too_many_is_full(void **state)
{
    uint8_t back[3];
    size_t used;

    (void)state;
    assert_int_equal(base64_read("Zm9v", 4, back, 3, &used), RC_OK);
    assert_int_equal(base64_read("Zm9v", 4, back, 2, &used), RC_FULL);
    assert_int_equal(base64_read("Zm9vYg==", 8, back, 3, &used), RC_FULL);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base64_pairs_both_ways),
        cmocka_unit_test(test_base64_octets_of_every_value_come_back),
        cmocka_unit_test(test_base64_another_text_is_malformed),
        cmocka_unit_test(test_base64_one_octet_too_many_is_full),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
