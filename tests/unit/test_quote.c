#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "saga/quote.h"

#define ROOM 64

struct quote_case {
    const char *name;
    const char *text;
    size_t bytes;
    enum quote_when when;
    size_t room;
    const char *expected;
};

#define T(text) text, sizeof text - 1

static const struct quote_case cases[] = {
    { "word", T("order-81"), QUOTE_IF_NEEDED, ROOM, "order-81" },
    { "word_always", T("x"), QUOTE_ALWAYS, ROOM, "\"x\"" },
    { "empty", T(""), QUOTE_IF_NEEDED, ROOM, "\"\"" },
    { "blank", T("a b"), QUOTE_IF_NEEDED, ROOM, "\"a b\"" },
    { "equals", T("a=b"), QUOTE_IF_NEEDED, ROOM, "\"a=b\"" },
    { "quote", T("a\"b"), QUOTE_IF_NEEDED, ROOM, "\"a\\\"b\"" },
    { "backslash", T("a\\b"), QUOTE_IF_NEEDED, ROOM, "\"a\\\\b\"" },
    { "forged_line", T("x\nlevel=fatal"), QUOTE_IF_NEEDED, ROOM,
      "\"x\\nlevel=fatal\"" },
    { "return_and_tab", T("\r\t"), QUOTE_IF_NEEDED, ROOM, "\"\\r\\t\"" },
    { "nul_inside", T("a\0b"), QUOTE_IF_NEEDED, ROOM, "\"a\\x00b\"" },
    { "terminal_escape", T("\x1b[2J"), QUOTE_IF_NEEDED, ROOM,
      "\"\\x1b[2J\"" },
    { "delete", T("\x7f"), QUOTE_IF_NEEDED, ROOM, "\"\\x7f\"" },
    { "high_bytes", T("\x80\xc2\x9b\xff"), QUOTE_IF_NEEDED, ROOM,
      "\"\\x80\\xc2\\x9b\\xff\"" },
    { "plain_fits", T("123456789012345"), QUOTE_IF_NEEDED, 16,
      "123456789012345" },
    { "plain_one_over", T("1234567890123456"), QUOTE_IF_NEEDED, 16,
      "\"1234567890...\"" },
    { "quoted_fits", T("1234567890123"), QUOTE_ALWAYS, 16,
      "\"1234567890123\"" },
    { "quoted_one_over", T("12345678901234"), QUOTE_ALWAYS, 16,
      "\"1234567890...\"" },
    { "escape_not_cut", T("12345678\x01\x01\x01"), QUOTE_ALWAYS, 16,
      "\"12345678...\"" },
    { "last_escape_fits", T("123456789\x01"), QUOTE_ALWAYS, 16,
      "\"123456789\\x01\"" },
};

static void
test_quote_text_is_harmless_and_whole(void **state)
{
    (void)state;
    for (size_t index = 0; index < ARRAY_COUNT(cases); index++) {
        const struct quote_case *c = &cases[index];
        char out[ROOM + 1];
        size_t bytes;

        memset(out, '#', sizeof out);
        bytes = quote_text(out, c->room, c->text, c->bytes, c->when);
        if (strcmp(out, c->expected) != 0)
            fail_msg("%s: %s, not %s", c->name, out, c->expected);
        assert_int_equal(bytes, strlen(out));
        assert_true(bytes < c->room);
        assert_int_equal(out[c->room], '#');
    }
}

static void
test_quote_disarm_keeps_all_but_controls(void **state)
{
    char text[] = "a\nb\x1b\x7f \"\xc3\xa9\t";

    (void)state;
    quote_disarm(text, sizeof text - 1);
    assert_string_equal(text, "a?b?? \"\xc3\xa9?");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quote_text_is_harmless_and_whole),
        cmocka_unit_test(test_quote_disarm_keeps_all_but_controls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
