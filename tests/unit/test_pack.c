/*
 * test_pack.c - the form of a pack: written, read, refused
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "saga/pack.h"

#define HEAD "\x50"

static void
fill(struct pack *pack, unsigned slot, size_t bytes)
{
    uint8_t row[PACK_ROW_BYTES_MAX];

    memset(row, (int)(slot + 1), sizeof row);
    pack_put(pack, slot, row, bytes);
}

static void
test_pack_gives_back_what_was_put(void **state)
{
    uint8_t octets[PACK_BYTES_MAX];
    struct pack pack, read;
    unsigned rows, slot;
    size_t count;

    (void)state;
    for (rows = 1; rows < 1u << PACK_ROWS; rows++) {
        memset(&pack, 0, sizeof pack);
        for (slot = 0; slot < PACK_ROWS; slot++) {
            if ((rows >> slot & 1) != 0)
                fill(&pack, slot, slot % 2 == 0 ? 1 : PACK_ROW_BYTES_MAX);
        }
        count = pack_encode(&pack, octets);
        memset(&read, 0xff, sizeof read);
        assert_true(pack_decode(&read, 7, octets, count));
        assert_int_equal(read.number, 7);
        assert_memory_equal(read.bytes, pack.bytes, sizeof pack.bytes);
        for (slot = 0; slot < PACK_ROWS; slot++)
            assert_memory_equal(read.rows[slot], pack.rows[slot],
                                pack.bytes[slot]);
    }
}

static void
test_pack_of_longest_rows_is_its_maximum(void **state)
{
    uint8_t octets[PACK_BYTES_MAX];
    struct pack pack = { .number = 0 };
    unsigned slot;

    (void)state;
    assert_int_equal(pack_encode(&pack, octets), 1);
    for (slot = 0; slot < PACK_ROWS; slot++)
        fill(&pack, slot, PACK_ROW_BYTES_MAX);
    assert_int_equal(pack_encode(&pack, octets), PACK_BYTES_MAX);
}

/* What was there before stays where it was: the log holds only the new. */
static void
test_pack_grows_at_its_end(void **state)
{
    uint8_t before[PACK_BYTES_MAX], after[PACK_BYTES_MAX];
    struct pack pack = { .number = 0 };
    size_t count;

    (void)state;
    fill(&pack, 2, 5);
    count = pack_encode(&pack, before);
    fill(&pack, 3, 9);
    assert_int_equal(pack_encode(&pack, after), count + 2 + 9);
    assert_memory_equal(before, after, count);
}

static void
test_pack_finds_the_next_row(void **state)
{
    static const struct {
        unsigned slot, from, upto;
    } cases[] = {
        { 0, 2, PACK_ROWS }, { 1, 2, PACK_ROWS }, { 2, 2, 2 },
        { 3, 5, 2 },         { 5, 5, 5 },         { 6, PACK_ROWS, 5 },
        { 7, PACK_ROWS, 5 },
    };
    struct pack pack = { .number = 0 };
    size_t i;

    (void)state;
    fill(&pack, 2, 1);
    fill(&pack, 5, 1);
    for (i = 0; i < ARRAY_COUNT(cases); i++) {
        assert_int_equal(pack_slot_from(&pack, cases[i].slot), cases[i].from);
        assert_int_equal(pack_slot_upto(&pack, cases[i].slot), cases[i].upto);
    }
    assert_int_equal(pack_slot_from(&pack, PACK_ROWS), PACK_ROWS);
}

static void
test_pack_that_is_none_is_refused(void **state)
{
    static const struct {
        const char *name;
        const char *octets;
        size_t count;
        bool good;
    } cases[] = {
        { "one", HEAD "\0\1x", 4, true },
        { "two", HEAD "\0\1x\7\2xy", 8, true },
        { "nothing", "", 0, false },
        { "no_row", HEAD, 1, false },
        { "version", "\1\0\1x", 4, false },
        { "half_a_head", HEAD "\0", 2, false },
        { "empty_row", HEAD "\0\0", 3, false },
        { "row_cut", HEAD "\0\2x", 4, false },
        { "too_much", HEAD "\0\1xy", 5, false },
        { "slot_twice", HEAD "\1\1x\1\1x", 7, false },
        { "slot_back", HEAD "\1\1x\0\1x", 7, false },
        { "slot_high", HEAD "\10\1x", 4, false },
    };
    uint8_t octets[3 + PACK_ROW_BYTES_MAX + 1] = { 0x50, 0,
                                                   PACK_ROW_BYTES_MAX + 1 };
    struct pack pack;
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_COUNT(cases); i++) {
        if (pack_decode(&pack, 1, (const uint8_t *)cases[i].octets,
                        cases[i].count) != cases[i].good)
            fail_msg("%s", cases[i].name);
    }
    assert_false(pack_decode(&pack, 1, octets, sizeof octets));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pack_gives_back_what_was_put),
        cmocka_unit_test(test_pack_of_longest_rows_is_its_maximum),
        cmocka_unit_test(test_pack_grows_at_its_end),
        cmocka_unit_test(test_pack_finds_the_next_row),
        cmocka_unit_test(test_pack_that_is_none_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
