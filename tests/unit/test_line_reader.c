#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "gateway/line_reader.h"

#define ORDER "{\"userId\":1,\"productId\":2}"
#define LINES 256

static struct order_line lines[LINES];

/* `count` times the line. */
static char *
body_of(const char *line, size_t count, size_t *bytes_out)
{
    size_t bytes = strlen(line);
    char *body = malloc(count * bytes);

    for (size_t i = 0; i < count; i++)
        memcpy(body + i * bytes, line, bytes);
    *bytes_out = count * bytes;
    return body;
}

static void
test_line_reader_numbers_lines_and_passes_empty_ones(void **state)
{
    char body[] = "\n" ORDER "\n\n \t\r\n{x}\n" ORDER;
    struct line_reader reader;

    (void)state;
    line_reader_init(&reader, body, sizeof body - 1);
    assert_int_equal(line_reader_take(&reader, lines, 2), 2);
    assert_int_equal(lines[0].number, 2);
    assert_false(lines[0].bad);
    assert_int_equal(lines[0].product.value, 2);
    assert_int_equal(lines[1].number, 5);
    assert_true(lines[1].bad);
    assert_false(line_reader_ended(&reader));
    assert_int_equal(line_reader_take(&reader, lines, LINES), 1);
    assert_int_equal(lines[0].number, 6);
    assert_int_equal(lines[0].bytes, sizeof ORDER - 1);
    assert_true(line_reader_ended(&reader));
    assert_int_equal(line_reader_take(&reader, lines, LINES), 0);
}

/* Lines that give no result, or a small one: each take passes some bytes of
 * them, however many there are. */
static const struct {
    const char *name;
    const char *line;
    size_t count;
    uint32_t taken; /* at most, by one take */
} bodies[] = {
    { "ends", "\n", 1 << 20, 0 },
    { "blanks", "  \t \r\n", 1 << 17, 0 },
    { "short_and_bad", "{\n", 1 << 16, LINES },
    { "orders", ORDER "\n", 10000, LINES },
};

static void
test_line_reader_036_one_take_is_bounded_in_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct line_reader reader;
        size_t bytes, before, takes = 0;
        char *body = body_of(bodies[i].line, bodies[i].count, &bytes);

        line_reader_init(&reader, body, bytes);
        for (; !line_reader_ended(&reader); takes++) {
            uint32_t count;

            before = reader.at;
            count = line_reader_take(&reader, lines, LINES);
            if (count > bodies[i].taken || reader.at == before ||
                reader.at - before >
                    LINE_READER_BYTES + strlen(bodies[i].line))
                fail_msg("%s: %u lines, %zu bytes", bodies[i].name, count,
                         reader.at - before);
        }
        assert_true(takes > 1);
        assert_int_equal(reader.number, bodies[i].count);
        free(body);
    }
}

/* The longest that is still looked into, and one that is not. */
static void
test_line_reader_036_long_bad_lines_are_few_in_a_take(void **state)
{
    static const size_t sizes[] = { ORDER_LINE_BYTES_MAX, 50000 };
    static char line[50000 + 2];

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct line_reader reader;
        size_t bytes;
        char *body;

        memset(line, '[', sizes[i]);
        strcpy(line + sizes[i], "\n");
        body = body_of(line, 100, &bytes);
        line_reader_init(&reader, body, bytes);
        assert_int_equal(line_reader_take(&reader, lines, LINES),
                         LINE_READER_BYTES / (sizes[i] + 1) + 1);
        assert_true(lines[0].bad);
        assert_false(line_reader_ended(&reader));
        free(body);
    }
}

/* Blanks are looked at one by one: of too many the line is too long. */
static void
test_line_reader_036_line_of_many_blanks_is_bad(void **state)
{
    static char body[2 * ORDER_LINE_BYTES_MAX + 2];
    struct line_reader reader;

    (void)state;
    memset(body, ' ', sizeof body);
    body[ORDER_LINE_BYTES_MAX] = '\n';
    line_reader_init(&reader, body, sizeof body);
    assert_int_equal(line_reader_take(&reader, lines, LINES), 1);
    assert_int_equal(lines[0].number, 2);
    assert_int_equal(lines[0].bytes, ORDER_LINE_BYTES_MAX + 1);
    assert_true(lines[0].bad);
    assert_true(line_reader_ended(&reader));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line_reader_numbers_lines_and_passes_empty_ones),
        cmocka_unit_test(test_line_reader_036_one_take_is_bounded_in_bytes),
        cmocka_unit_test(
            test_line_reader_036_long_bad_lines_are_few_in_a_take),
        cmocka_unit_test(test_line_reader_036_line_of_many_blanks_is_bad),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
