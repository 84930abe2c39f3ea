#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/order_block.h"

static enum rc
open_block(struct order_block_reader *reader, const struct order_block *block)
{
    uint8_t key[ORDER_BLOCK_KEY_BYTES];

    order_block_key(3, 5, &block->first, key);
    return order_block_open(reader, key, sizeof key, block->value,
                            block->writer.used);
}

static void
check_comes_back(const struct order_entry *entries, size_t count, size_t bytes)
{
    struct order_block block;
    struct order_block_reader reader;

    order_block_init(&block, ORDER_BLOCK_BYTES_MAX);
    for (size_t i = 0; i < count; i++)
        assert_true(order_block_add(&block, &entries[i]));
    assert_int_equal(block.count, count);
    assert_int_equal(block.writer.used, bytes);
    assert_int_equal(open_block(&reader, &block), RC_OK);
    assert_int_equal(reader.level, 3);
    assert_int_equal(reader.run, 5);
    for (size_t i = 0; i < count; i++) {
        assert_memory_equal(&reader.entry, &entries[i], sizeof entries[i]);
        assert_int_equal(order_block_next(&reader),
                         i + 1 < count ? RC_OK : RC_NOT_FOUND);
    }
}

static void
test_order_block_comes_back(void **state)
{
    static const struct order_entry few[] = {
        { 1, 7 }, { 1, 8 }, { 1, 71 }, { 2, 3 }, { 2, 67 }, { 131, 68 },
    };
    static const struct order_entry far[] = {
        { 1, ID_MAX }, { 2, 1 }, { ID_MAX, ID_MAX },
    };

    (void)state;
    check_comes_back(few, 1, 1);
    /* Steps of 1, 63, -68, 64 and 1: zigzag 2, 126, 135, 128, 2; 129 users. */
    check_comes_back(few, ARRAY_COUNT(few), 1 + 2 + 2 + 3 + 3 + 3);
    check_comes_back(far, ARRAY_COUNT(far), 1 + 1 + 8 + 8 + 8);
}

static void
test_order_block_is_full_at_its_limit(void **state)
{
    struct order_block block;
    struct order_entry entry = { 9, 1 };
    uint32_t i;

    (void)state;
    order_block_init(&block, ORDER_BLOCK_BYTES_MAX);
    for (i = 0; order_block_add(&block, &entry); i++)
        entry.order++;
    assert_int_equal(i, block.count);
    assert_int_equal(i, 1 + (ORDER_BLOCK_BYTES_MAX - 1) / 2);
    assert_true(i <= ORDER_BLOCK_ENTRIES_MAX);
    assert_int_equal(block.last.order, entry.order - 1);
    entry.order += 1000; /* three octets: as full */
    assert_false(order_block_add(&block, &entry));
    order_block_init(&block, 1);
    assert_true(order_block_add(&block, &entry));
    entry.order++;
    assert_false(order_block_add(&block, &entry));
}

static void
test_order_block_that_none_wrote_is_refused(void **state)
{
    static const struct {
        size_t bytes;
        uint8_t value[20];
    } values[] = {
        { 0, { 0 } },
        { 1, { 2 } },
        { 2, { 1, 0 } },
        { 3, { 1, 0, 0 } },           /* the same entry */
        { 3, { 1, 0, 1 } },           /* one before it */
        { 3, { 1, 1, 19 } },          /* order 0 */
        { 3, { 1, 1, 21 } },          /* below it */
        { 4, { 1, 0x81, 0, 2 } },     /* a number that is too long */
        { 10, { 1, 0, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f } },
        { 10, { 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f, 2 } },
        { 11, { 1, 0, 0x82, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1 } },
    };
    const struct order_entry first = { 4, 10 }, none = { 0, 10 };
    uint8_t key[ORDER_BLOCK_KEY_BYTES + 1] = { 0 };
    static const uint8_t one[] = { 1 };
    static uint8_t large[ORDER_BLOCK_BYTES_MAX + 2] = { 1 };
    struct order_block_reader reader;
    enum rc rc;
    size_t i;

    (void)state;
    order_block_key(0, 0, &first, key);
    for (i = 0; i < ARRAY_COUNT(values); i++) {
        rc = order_block_open(&reader, key, ORDER_BLOCK_KEY_BYTES,
                              values[i].value, values[i].bytes);
        if (rc == RC_OK)
            rc = order_block_next(&reader);
        if (rc != RC_DAMAGED)
            fail_msg("value %zu", i);
    }
    for (i = 0; i <= sizeof key; i++)
        assert_int_equal(order_block_open(&reader, key, i, one, 1),
                         i == ORDER_BLOCK_KEY_BYTES ? RC_OK : RC_DAMAGED);
    memset(large + 1, 2, sizeof large - 1);
    assert_int_equal(order_block_open(&reader, key, ORDER_BLOCK_KEY_BYTES,
                                      large, sizeof large - 1), RC_DAMAGED);
    order_block_key(0, 0, &none, key);
    assert_int_equal(order_block_open(&reader, key, ORDER_BLOCK_KEY_BYTES,
                                      one, 1), RC_DAMAGED);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_block_comes_back),
        cmocka_unit_test(test_order_block_is_full_at_its_limit),
        cmocka_unit_test(test_order_block_that_none_wrote_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
