/* The write-back cache over a real table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "saga/log.h"
#include "saga/row_cache.h"

struct number {
    uint64_t value;
};

static unsigned encoded_count;

static void
number_encode(const void *row, struct bytes_writer *writer)
{
    encoded_count++;
    bytes_put_u64(writer, ((const struct number *)row)->value);
}

static bool
number_decode(void *row, struct bytes_reader *reader)
{
    ((struct number *)row)->value = bytes_get_u64(reader);
    return !reader->failed && ((struct number *)row)->value != 13;
}

static const struct row_format number_format = {
    .name = "number",
    .row_bytes = sizeof(struct number),
    .encode = number_encode,
    .decode = number_decode,
};

struct world {
    char directory[64];
    struct store *store;
    struct store_table *table;
    struct row_cache *cache;
};

static int
setup(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    struct store_config config = { .cache_bytes = 1 << 20,
                                   .checkpoint_bytes = 1 << 24,
                                   .checkpoint_ms = 60000 };
    bool created;

    assert_non_null(world);
    snprintf(world->directory, sizeof world->directory,
             "/tmp/test_row_cache.XXXXXX");
    assert_non_null(mkdtemp(world->directory));
    config.directory = world->directory;
    assert_int_equal(store_open(&world->store, &config, &created), RC_OK);
    assert_int_equal(store_table_open(world->store, "numbers", &world->table),
                     RC_OK);
    assert_int_equal(row_cache_open(&world->cache, world->table,
                                    &number_format, 8),
                     RC_OK);
    *state = world;
    return 0;
}

static int
teardown(void **state)
{
    struct world *world = *state;
    char command[128];

    row_cache_close(&world->cache);
    assert_int_equal(store_close(&world->store), RC_OK);
    snprintf(command, sizeof command, "rm -rf %s", world->directory);
    assert_int_equal(system(command), 0);
    free(world);
    return 0;
}

static void
put(struct world *world, uint64_t key, uint64_t value)
{
    const struct number number = { value };

    assert_int_equal(row_cache_put(world->cache, key, &number), RC_OK);
}

static void
expect(struct world *world, uint64_t key, uint64_t value)
{
    struct number number;

    assert_int_equal(row_cache_get(world->cache, key, &number), RC_OK);
    assert_int_equal(number.value, value);
}

/* What stands in the table, whatever the cache holds. */
static enum rc
stored(struct world *world, uint64_t key, uint64_t *value_out)
{
    uint8_t bytes[8], row[8];
    struct bytes_writer writer;
    struct bytes_reader reader;
    size_t row_bytes;
    enum rc rc;

    bytes_writer_init(&writer, bytes, sizeof bytes);
    bytes_put_u64(&writer, key);
    rc = store_get(world->table, bytes, sizeof bytes, row, sizeof row,
                   &row_bytes);
    bytes_reader_init(&reader, row, sizeof row);
    *value_out = rc == RC_OK ? bytes_get_u64(&reader) : 0;
    return rc;
}

static void
test_row_cache_row_that_is_not_there(void **state)
{
    struct world *world = *state;
    struct number number = { 99 };

    assert_int_equal(row_cache_get(world->cache, 1, &number), RC_NOT_FOUND);
    assert_int_equal(number.value, 0);
    number.value = 99;
    assert_int_equal(row_cache_get(world->cache, 1, &number), RC_NOT_FOUND);
    assert_int_equal(number.value, 0);
}

static void
test_row_cache_many_changes_are_one_write(void **state)
{
    struct world *world = *state;
    uint64_t i, value;

    assert_int_equal(store_begin(world->store), RC_OK);
    for (i = 0; i < 100; i++)
        put(world, 7, i);
    expect(world, 7, 99);
    assert_int_equal(stored(world, 7, &value), RC_NOT_FOUND);
    encoded_count = 0;
    assert_int_equal(row_cache_write(world->cache), RC_OK);
    assert_int_equal(row_cache_write(world->cache), RC_OK);
    assert_int_equal(encoded_count, 1);
    assert_int_equal(store_commit(world->store), RC_OK);
    assert_int_equal(stored(world, 7, &value), RC_OK);
    assert_int_equal(value, 99);
    expect(world, 7, 99);
}

/* Key bytes are such that 2^40 + 1 comes behind 2. */
static void
test_row_cache_keys_are_big_endian(void **state)
{
    struct world *world = *state;
    struct store_cursor *cursor;
    struct store_row row;

    assert_int_equal(store_begin(world->store), RC_OK);
    put(world, (UINT64_C(1) << 40) + 1, 1);
    put(world, 2, 2);
    assert_int_equal(row_cache_write(world->cache), RC_OK);
    assert_int_equal(store_commit(world->store), RC_OK);
    assert_int_equal(store_cursor_open(world->table, &cursor), RC_OK);
    assert_int_equal(store_cursor_last(cursor, &row), RC_OK);
    assert_memory_equal(row.key, "\0\0\1\0\0\0\0\1", 8);
    store_cursor_close(&cursor);
}

static void
test_row_cache_more_rows_than_it_holds_are_written_early(void **state)
{
    struct world *world = *state;
    uint64_t key, value;

    assert_int_equal(store_begin(world->store), RC_OK);
    for (key = 1; key <= 100; key++)
        put(world, key, key * 2);
    for (key = 1; key <= 100; key++)
        expect(world, key, key * 2);
    assert_int_equal(row_cache_write(world->cache), RC_OK);
    assert_int_equal(store_commit(world->store), RC_OK);
    for (key = 1; key <= 100; key++) {
        assert_int_equal(stored(world, key, &value), RC_OK);
        assert_int_equal(value, key * 2);
    }
}

static void
test_row_cache_agrees_with_an_array(void **state)
{
    struct world *world = *state;
    uint64_t model[64] = { 0 };
    unsigned seed = 20;
    int i;

    for (i = 0; i < 20000; i++) {
        unsigned key = (unsigned)rand_r(&seed) % 63 + 1;
        struct number number;
        enum rc rc;

        if (i % 50 == 0)
            assert_int_equal(store_begin(world->store), RC_OK);
        rc = row_cache_get(world->cache, key, &number);
        assert_int_equal(rc, model[key] == 0 ? RC_NOT_FOUND : RC_OK);
        assert_int_equal(number.value, model[key]);
        if (rand_r(&seed) % 2 == 0) {
            model[key] = (uint64_t)i + 100;
            put(world, key, model[key]);
        }
        if (i % 50 == 49) {
            assert_int_equal(row_cache_write(world->cache), RC_OK);
            assert_int_equal(store_commit(world->store), RC_OK);
        }
    }
}

static void
test_row_cache_row_that_cannot_be_read_is_damage(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *name;
        const char *row;
        size_t bytes;
    } rows[] = {
        { "too_short", "\0\0\0", 3 },
        { "too_long", "\0\0\0\0\0\0\0\1\0", 9 },
        { "refused_by_the_format", "\0\0\0\0\0\0\0\15", 8 },
    };
    char large[ROW_VALUE_BYTES_MAX + 1] = { 0 };
    struct number number;
    size_t i;

    for (i = 0; i <= ARRAY_COUNT(rows); i++) {
        bool last = i == ARRAY_COUNT(rows);
        const char *row = last ? large : rows[i].row;

        assert_int_equal(store_begin(world->store), RC_OK);
        assert_int_equal(store_put(world->table, "\0\0\0\0\0\0\0\5", 8, row,
                                   last ? sizeof large : rows[i].bytes),
                         RC_OK);
        assert_int_equal(store_commit(world->store), RC_OK);
        assert_int_equal(row_cache_get(world->cache, 5, &number), RC_DAMAGED);
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_row_cache_row_that_is_not_there),
        T(test_row_cache_many_changes_are_one_write),
        T(test_row_cache_keys_are_big_endian),
        T(test_row_cache_more_rows_than_it_holds_are_written_early),
        T(test_row_cache_agrees_with_an_array),
        T(test_row_cache_row_that_cannot_be_read_is_damage),
    };

    log_open("test_row_cache");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
