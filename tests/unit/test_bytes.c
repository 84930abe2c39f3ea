#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "saga/bytes.h"
#include "../support/dies.h"

static const uint8_t golden[] = {
    0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b,
    0x0c, 0x0d, 0x0e, 0x0f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xfe, 0x02, 'h',  'i',  0x00, 0xaa, 0xbb,
};

static void
put_golden(struct bytes_writer *writer)
{
    bytes_put_u8(writer, 0x01);
    bytes_put_u16(writer, 0x0203);
    bytes_put_u32(writer, 0x04050607);
    bytes_put_u64(writer, UINT64_C(0x08090a0b0c0d0e0f));
    bytes_put_i64(writer, -2);
    bytes_put_text(writer, "hi");
    bytes_put_text(writer, "");
    bytes_put(writer, "\xaa\xbb", 2);
    bytes_put(writer, NULL, 0);
}

static void
test_bytes_writer_writes_big_endian(void **state)
{
    uint8_t data[sizeof(golden)];
    struct bytes_writer writer;

    (void)state;
    bytes_writer_init(&writer, data, sizeof(data));
    put_golden(&writer);
    assert_false(writer.failed);
    assert_int_equal(writer.used, sizeof(golden));
    assert_memory_equal(data, golden, sizeof(golden));
}

static void
test_number_key_is_big_endian(void **state)
{
    static const uint8_t expected[] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    uint8_t key[NUMBER_KEY_BYTES];

    (void)state;
    number_key_encode(UINT64_C(0x0102030405060708), key);
    assert_memory_equal(key, expected, sizeof key);
}

static void
test_bytes_writer_every_short_buffer_fails(void **state)
{
    (void)state;
    for (size_t size = 0; size < sizeof(golden); size++) {
        uint8_t data[sizeof(golden)];
        struct bytes_writer writer;

        memset(data, 0x55, sizeof(data));
        bytes_writer_init(&writer, data, size);
        put_golden(&writer);
        assert_true(writer.failed);
        assert_true(writer.used <= size);
        for (size_t i = size; i < sizeof(data); i++)
            assert_int_equal(data[i], 0x55);
    }
}

static void
test_bytes_writer_failed_stays_failed(void **state)
{
    uint8_t data[4] = { 0 };
    struct bytes_writer writer;

    (void)state;
    bytes_writer_init(&writer, data, sizeof(data));
    bytes_put_u64(&writer, UINT64_MAX);
    bytes_put_u8(&writer, 1); /* would fit */
    bytes_put(&writer, "", 0);
    assert_true(writer.failed);
    assert_int_equal(writer.used, 0);
    assert_int_equal(data[0], 0);
}

static void
test_bytes_writer_text_over_255_fails(void **state)
{
    uint8_t data[1024];
    char text[257];
    struct bytes_writer writer;

    (void)state;
    memset(text, 'x', sizeof(text));
    text[255] = '\0';
    bytes_writer_init(&writer, data, sizeof(data));
    bytes_put_text(&writer, text);
    assert_false(writer.failed);
    assert_int_equal(writer.used, 256);
    text[255] = 'x';
    text[256] = '\0';
    bytes_put_text(&writer, text);
    assert_true(writer.failed);
    assert_int_equal(writer.used, 256);
}

static void
test_bytes_reader_reads_what_was_written(void **state)
{
    struct bytes_reader reader;
    char text[3];
    const uint8_t *look;

    (void)state;
    bytes_reader_init(&reader, golden, sizeof(golden));
    assert_int_equal(bytes_get_u8(&reader), 0x01);
    assert_int_equal(bytes_get_u16(&reader), 0x0203);
    assert_int_equal(bytes_get_u32(&reader), 0x04050607);
    assert_int_equal(bytes_get_u64(&reader), UINT64_C(0x08090a0b0c0d0e0f));
    assert_int_equal(bytes_get_i64(&reader), -2);
    bytes_get_text(&reader, text, sizeof(text));
    assert_string_equal(text, "hi");
    bytes_get_text(&reader, text, 1);
    assert_string_equal(text, "");
    assert_false(bytes_all_read(&reader));
    look = bytes_get(&reader, 2);
    assert_ptr_equal(look, golden + sizeof(golden) - 2);
    assert_true(bytes_all_read(&reader));
    assert_non_null(bytes_get(&reader, 0));
    assert_null(bytes_get(&reader, 1));
    assert_false(bytes_all_read(&reader));
}

static void
test_bytes_reader_short_integer_fails_with_zero(void **state)
{
    (void)state;
    for (size_t size = 0; size < 8; size++) {
        uint8_t data[8];
        struct bytes_reader reader;

        memset(data, 0xff, sizeof(data));
        bytes_reader_init(&reader, data, size);
        assert_int_equal(bytes_get_u64(&reader), 0);
        assert_true(reader.failed);
        assert_int_equal(bytes_get_u8(&reader), 0);
        assert_false(bytes_all_read(&reader));
    }
}

static void
test_bytes_reader_length_past_any_end_fails(void **state)
{
    struct bytes_reader reader;

    (void)state;
    bytes_reader_init(&reader, golden, sizeof(golden));
    assert_int_equal(bytes_get_u8(&reader), 1);
    assert_null(bytes_get(&reader, SIZE_MAX));
    assert_true(reader.failed);
}

static const struct {
    const char *name;
    uint8_t data[8];
    size_t bytes;
} bad_texts[] = {
    { "no_length", { 0 }, 0 },
    { "ends_in_the_text", { 3, 'a', 'b' }, 3 },
    { "does_not_fit", { 4, 'a', 'b', 'c', 'd' }, 5 },
    { "holds_a_nul", { 3, 'a', 0, 'c' }, 4 },
};

static void
test_bytes_reader_bad_text_fails_and_is_empty(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(bad_texts); i++) {
        char text[4] = "xxx";
        struct bytes_reader reader;

        bytes_reader_init(&reader, bad_texts[i].data, bad_texts[i].bytes);
        bytes_get_text(&reader, text, sizeof(text));
        if (!reader.failed || text[0] != '\0')
            fail_msg("%s", bad_texts[i].name);
    }
}

static void
test_bytes_reader_and_writer_of_nothing(void **state)
{
    struct bytes_reader reader;
    struct bytes_writer writer;

    (void)state;
    bytes_reader_init(&reader, NULL, 0);
    assert_true(bytes_all_read(&reader));
    bytes_writer_init(&writer, NULL, 0);
    bytes_put(&writer, NULL, 0);
    assert_false(writer.failed);
    bytes_put_u8(&writer, 1);
    assert_true(writer.failed);
}

static void
read_from_null(const void *size)
{
    struct bytes_reader reader;

    bytes_reader_init(&reader, NULL, *(const size_t *)size);
}

static void
write_to_null(const void *size)
{
    struct bytes_writer writer;

    bytes_writer_init(&writer, NULL, *(const size_t *)size);
}

static void
put_too_large(const void *data)
{
    struct bytes_writer writer = *(const struct bytes_writer *)data;

    bytes_put_varint(&writer, UINT64_C(1) << BYTES_VARINT_BITS);
}

static void
test_bytes_varint_comes_back(void **state)
{
    static const struct {
        uint64_t value;
        size_t bytes;
    } cases[] = {
        { 0, 1 }, { 1, 1 }, { 127, 1 }, { 128, 2 }, { 300, 2 }, { 16383, 2 },
        { 16384, 3 }, { (UINT64_C(1) << 56) - 1, 8 },
    };
    uint8_t data[BYTES_VARINT_MAX];
    struct bytes_writer writer;
    struct bytes_reader reader;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        bytes_writer_init(&writer, data, cases[i].bytes - 1);
        bytes_put_varint(&writer, cases[i].value);
        assert_true(writer.failed);
        bytes_writer_init(&writer, data, sizeof data);
        bytes_put_varint(&writer, cases[i].value);
        assert_int_equal(writer.used, cases[i].bytes);
        bytes_reader_init(&reader, data, writer.used);
        assert_true(bytes_get_varint(&reader) == cases[i].value);
        assert_true(bytes_all_read(&reader));
        bytes_reader_init(&reader, data, writer.used - 1);
        assert_int_equal(bytes_get_varint(&reader), 0);
        assert_true(reader.failed);
    }
    assert_memory_equal(data, "\xff\xff\xff\xff\xff\xff\xff\x7f", 8);
    assert_true(dies(put_too_large, &writer));
}

/* Longer than its number needs, or than any may be. */
static void
test_bytes_varint_that_none_wrote_fails(void **state)
{
    static const char *const values[] = {
        "\x80\x00", "\x81\x80\x00", "\x80\x80\x01\x00",
        "\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    };
    static const size_t bytes[] = { 2, 3, 2, 9 };
    struct bytes_reader reader;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(values); i++) {
        bytes_reader_init(&reader, values[i], bytes[i]);
        assert_int_equal(bytes_get_varint(&reader), 0);
        assert_true(reader.failed);
    }
}

static void
test_bytes_size_without_data_is_a_bug(void **state)
{
    size_t one = 1;

    (void)state;
    assert_true(dies(read_from_null, &one));
    assert_true(dies(write_to_null, &one));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_writer_writes_big_endian),
        cmocka_unit_test(test_number_key_is_big_endian),
        cmocka_unit_test(test_bytes_writer_every_short_buffer_fails),
        cmocka_unit_test(test_bytes_writer_failed_stays_failed),
        cmocka_unit_test(test_bytes_writer_text_over_255_fails),
        cmocka_unit_test(test_bytes_reader_reads_what_was_written),
        cmocka_unit_test(test_bytes_reader_short_integer_fails_with_zero),
        cmocka_unit_test(test_bytes_reader_length_past_any_end_fails),
        cmocka_unit_test(test_bytes_reader_bad_text_fails_and_is_empty),
        cmocka_unit_test(test_bytes_reader_and_writer_of_nothing),
        cmocka_unit_test(test_bytes_varint_comes_back),
        cmocka_unit_test(test_bytes_varint_that_none_wrote_fails),
        cmocka_unit_test(test_bytes_size_without_data_is_a_bug),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
