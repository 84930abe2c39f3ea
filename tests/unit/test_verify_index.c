/* What verify says of the gateway's index by user. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "../support/verify_copies.h"
#include "gateway/order_levels.h"

#define ROW_BYTES_MAX 65536

struct index_block {
    uint8_t level;
    uint64_t run;
    uint32_t count; /* 0: it is removed, if the first entry is its */
    struct order_entry entries[6];
};

static void
put_index_block(const char *store, const struct index_block *put)
{
    struct order_block block;
    uint8_t key[ORDER_BLOCK_KEY_BYTES];

    order_block_init(&block, ORDER_BLOCK_BYTES_MAX);
    for (uint32_t i = 0; i < put->count; i++)
        assert_true(order_block_add(&block, &put->entries[i]));
    order_block_key(put->level, put->run, &put->entries[0], key);
    verify_world_put(store, "order_runs", key, sizeof key,
                     put->count == 0 ? NULL : block.value,
                     block.writer.used);
}

static void
put_index_levels(const char *store, const struct order_levels *levels)
{
    static const uint8_t key[] = { ORDER_LEVELS_KEY };
    uint8_t value[ORDER_LEVELS_ROW_BYTES];

    order_levels_encode(levels, value);
    verify_world_put(store, "order_runs", key, sizeof key, value,
                     sizeof value);
}

/* The base's nine orders: eight in runs, which are being merged: of user 1
 * it is done, and in part of user 3, whose block is still there. */
static void
write_index(const char *store)
{
    static const struct index_block blocks[] = {
        { 1, 0, 3, { { 1, 1 }, { 1, 2 }, { 1, 3 } } },
        { 0, 3, 1, { { 5, 4 } } }, { 0, 4, 1, { { 3, 5 } } },
        { 0, 5, 1, { { 99, 6 } } }, { 0, 6, 1, { { 4, 7 } } },
        { 0, 7, 1, { { 2, 8 } } },
    };
    static const struct order_levels levels = {
        .mark = 9, .level = { { 8, { 1, 4 } } },
    };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(blocks); i++)
        put_index_block(store, &blocks[i]);
    put_index_levels(store, &levels);
}

/* One of the differences has these words. */
static void
expect_index_differs(struct copies *copies, const char *words)
{
    const struct verify_result *result =
        &copies->report.results[CHECK_GATEWAY_COUNTERS];
    uint64_t i;

    verify_now(copies);
    for (i = 0; i < result->differences && i < VERIFY_SHOWN_MAX; i++)
        if (strstr(result->shown[i], words) != NULL)
            return;
    fail_msg("not told: %s", words);
}

static void
test_verify_index_has_each_order_once(void **state)
{
    static const struct {
        struct index_block changes[2];
        const char *words;
    } cases[] = {
        { { { 0, 3, 0, { { 5, 4 } } } }, "lacks order 4" },
        { { { 0, 3, 1, { { 5, 3 } } }, { 0, 3, 0, { { 5, 4 } } } },
          "order 3 of user 5, which is none" },
        { { { 0, 3, 1, { { 7, 4 } } }, { 0, 3, 0, { { 5, 4 } } } },
          "order 4 of user 7, which is none" },
        { { { 0, 4, 2, { { 3, 5 }, { 5, 4 } } } },
          "order 4 in run 4 of level 0" },
        { { { 0, 3, 2, { { 5, 4 }, { 5, 80 } } } },
          "order 80 in run 3 of level 0" },
        { { { 0, 8, 1, { { 2, 8 } } } }, "run 8 of level 0, which is not" },
        { { { 2, 0, 1, { { 2, 8 } } } }, "run 0 of level 2, which is not" },
        { { { 0, 5, 2, { { 2, 8 }, { 99, 6 } } }, { 0, 5, 0, { { 99, 6 } } } },
          "order 8 twice" },
        /* Two blocks of one run that overlap; one that begins too late. */
        { { { 0, 3, 2, { { 5, 4 }, { 7, 1 } } }, { 0, 3, 1, { { 6, 9 } } } },
          "order 9 in run 3 of level 0" },
        /* In the run that is being made, but not merged yet; or too young. */
        { { { 1, 0, 4, { { 1, 1 }, { 1, 2 }, { 1, 3 }, { 2, 8 } } } },
          "order 8 in run 0 of level 1" },
    };
    struct copies copies;
    const char *store;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        copies_make(&copies);
        store = copies.input.directories[VERIFY_GATEWAY];
        write_index(store);
        expect_good(&copies);
        put_index_block(store, &cases[i].changes[0]);
        if (cases[i].changes[1].entries[0].user != 0)
            put_index_block(store, &cases[i].changes[1]);
        expect_index_differs(&copies, cases[i].words);
        copies_fini(&copies);
    }
}

/* What was merged counts no more, though it stands in a block. */
static void
test_verify_index_passes_over_what_is_merged(void **state)
{
    static const struct index_block
        left = { 0, 2, 2, { { 1, 3 }, { 1, 4 } } },
        all_merged = { 0, 4, 1, { { 1, 2 } } },
        instead = { 0, 3, 0, { { 5, 4 } } };
    static const struct order_levels completed = {
        .mark = 9, .level = { { 8, { 0, 0 } }, { 1, { 0, 0 } } },
    };
    struct copies copies;
    const char *store;

    (void)state;
    copies_make(&copies);
    store = copies.input.directories[VERIFY_GATEWAY];
    write_index(store);
    put_index_block(store, &left); /* with order 4, which is of user 5 */
    put_index_block(store, &instead);
    expect_index_differs(&copies, "order 4 of user 1, which is none");
    write_index(store);
    put_index_block(store, &(struct index_block){ 0, 2, 0, { { 1, 3 } } });
    put_index_block(store, &(struct index_block){ 0, 4, 0, { { 3, 5 } } });
    put_index_block(store, &(struct index_block){ 0, 4, 2, { { 1, 2 },
                                                             { 3, 5 } } });
    expect_good(&copies);
    put_index_block(store, &(struct index_block){ 0, 4, 1, { { 3, 5 } } });
    put_index_block(store, &all_merged); /* and it was not taken away */
    expect_index_differs(&copies, "a block that was merged");
    put_index_levels(store, &completed); /* too early */
    expect_index_differs(&copies, "of level 0, which is not there");
    copies_fini(&copies);
}

static void
test_verify_index_mark_that_can_not_be_is_told(void **state)
{
    static const struct {
        uint64_t mark;
        const char *words;
    } cases[] = {
        { 0, "can't be read" }, /* below the number of runs */
        { 8, "order 8 in run 7 of level 0" },
        { 10, "lacks order 9" },
        { 11, "the index's mark is 11" },
        { 100, "the index's mark is 100" },
    };
    struct order_levels levels = { .mark = 9, .level = { { 8, { 1, 4 } } } };
    struct copies copies;
    const char *store;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        copies_make(&copies);
        store = copies.input.directories[VERIFY_GATEWAY];
        write_index(store);
        levels.mark = cases[i].mark;
        put_index_levels(store, &levels);
        expect_index_differs(&copies, cases[i].words);
        copies_fini(&copies);
    }
}

struct old_row {
    uint8_t user, id, others[2], count;
};

static void
put_old(const struct copies *copies, const struct old_row *old)
{
    const char *store = copies->input.directories[VERIFY_GATEWAY];
    uint8_t key[ORDER_USER_KEY_BYTES], row[17] = { 1 };

    row[8] = old->others[0];
    row[16] = old->others[1];
    order_user_key_encode((struct user_id){ old->user }, old->id, key);
    verify_world_put(store, "orders_by_user", key, sizeof key, row,
                     old->count == 0 ? 0 : (size_t)(1 + 8 * old->count));
}

static void
put_index_base(const struct copies *copies, uint64_t base)
{
    const char *store = copies->input.directories[VERIFY_GATEWAY];
    uint8_t value[ROW_BYTES_MAX], found[STORE_KEY_BYTES_MAX];
    struct gateway_counters counters;
    size_t bytes, found_bytes;

    bytes = verify_world_get(store, "counters", "counters", 8, found,
                             &found_bytes, value, sizeof value);
    assert_int_equal(counters_row_decode(value, bytes, &counters), RC_OK);
    counters.index_base = base;
    verify_world_put(store, "counters", "counters", 8, value,
                     counters_row_encode(&counters, value));
}

/* What a program before the runs wrote. */
static void
test_verify_index_of_an_older_program_is_read(void **state)
{
    static const struct old_row rows[] = {
        { 1, 1, { 2, 3 }, 2 }, { 2, 8, { 0 }, 0 }, { 3, 5, { 0 }, 0 },
        { 4, 7, { 0 }, 0 },    { 5, 4, { 0 }, 0 }, { 99, 6, { 0 }, 0 },
    };
    static const uint8_t cut[] = { 1, 0, 0 };
    uint8_t key[ORDER_USER_KEY_BYTES];
    struct copies copies;

    (void)state;
    copies_make(&copies);
    put_index_base(&copies, 9);
    expect_index_differs(&copies, "lacks order 1");
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        put_old(&copies, &rows[i]);
    expect_good(&copies);
    /* Each order stands once, and no search finds the third. */
    put_old(&copies, &(struct old_row){ 1, 1, { 3 }, 1 });
    put_old(&copies, &(struct old_row){ 1, 2, { 0 }, 0 });
    expect_index_differs(&copies, "order 2 of user 1 behind a later one");
    put_old(&copies, &(struct old_row){ 1, 1, { 2, 3 }, 2 });
    expect_index_differs(&copies, "order 2 twice");
    order_user_key_encode((struct user_id){ 1 }, 2, key);
    verify_world_put(copies.input.directories[VERIFY_GATEWAY],
                     "orders_by_user", key, sizeof key, NULL, 0);
    expect_good(&copies);
    put_old(&copies, &(struct old_row){ 3, 4, { 5 }, 1 }); /* the fifth's */
    expect_index_differs(&copies, "order 4 of user 3, which is none");
    order_user_key_encode((struct user_id){ 3 }, 4, key);
    verify_world_put(copies.input.directories[VERIFY_GATEWAY],
                     "orders_by_user", key, sizeof key, cut, sizeof cut);
    expect_index_differs(&copies, "a row of the old index");
    copies_fini(&copies);
}

static void
test_verify_index_row_that_none_wrote_is_told(void **state)
{
    static const uint8_t key[ORDER_BLOCK_KEY_BYTES + 1] = { [16] = 1,
                                                            [24] = 1 };
    static const uint8_t value[] = { 1, 0 };
    static const size_t key_bytes[] = { 1, ORDER_BLOCK_KEY_BYTES - 1,
                                        ORDER_BLOCK_KEY_BYTES,
                                        ORDER_BLOCK_KEY_BYTES + 1 };
    struct copies copies;
    const char *store;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(key_bytes); i++) {
        copies_make(&copies);
        store = copies.input.directories[VERIFY_GATEWAY];
        write_index(store);
        verify_world_put(store, "order_runs", key, key_bytes[i], value,
                         sizeof value);
        expect_index_differs(&copies, "that can't be read");
        copies_fini(&copies);
    }
}

/* ---- tests ---- */

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verify_index_has_each_order_once),
        cmocka_unit_test(test_verify_index_passes_over_what_is_merged),
        cmocka_unit_test(test_verify_index_mark_that_can_not_be_is_told),
        cmocka_unit_test(test_verify_index_of_an_older_program_is_read),
        cmocka_unit_test(test_verify_index_row_that_none_wrote_is_told),
    };

    return cmocka_run_group_tests(tests, verify_copies_setup,
                                  verify_copies_teardown);
}
