/*
 * test_store_cursor.c - walks through a table in key order
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "../support/store_rig.h"

#define BIG STORE_VALUE_BYTES_MAX

static void
begin(struct store_rig *rig)
{
    assert_int_equal(store_begin(rig->store), RC_OK);
}

static void
commit(struct store_rig *rig)
{
    assert_int_equal(store_commit(rig->store), RC_OK);
    assert_int_equal(store_flush(rig->store), RC_OK);
}

static void
put_text(struct store_table *table, const char *key, const char *value)
{
    assert_int_equal(
        store_put(table, key, strlen(key), value, strlen(value)), RC_OK);
}

static bool
row_is(const struct store_row *row, const char *key, const char *value)
{
    return row->key_bytes == strlen(key) &&
           memcmp(row->key, key, row->key_bytes) == 0 &&
           row->bytes == strlen(value) &&
           memcmp(row->value, value, row->bytes) == 0;
}

enum step { SEEK, SEEK_BACK, FIRST, LAST, NEXT, PREV };

static enum rc
step_take(struct store_cursor *cursor, enum step step, const char *key,
          struct store_row *row)
{
    switch (step) {
    case SEEK:
        return store_cursor_seek(cursor, key, strlen(key), row);
    case SEEK_BACK:
        return store_cursor_seek_back(cursor, key, strlen(key), row);
    case FIRST:
        return store_cursor_first(cursor, row);
    case LAST:
        return store_cursor_last(cursor, row);
    case NEXT:
        return store_cursor_next(cursor, row);
    case PREV:
        return store_cursor_prev(cursor, row);
    }
    fail();
    return RC_IO;
}

/* Taken one behind the other by one cursor over rows b d f; key NULL in the
 * last column: RC_NOT_FOUND. */
static const struct {
    enum step step;
    const char *key;
    const char *found;
} walks[] = {
    { SEEK, "b", "b" },      { SEEK, "c", "d" },      { SEEK, "", "b" },
    { SEEK, "f", "f" },      { SEEK, "g", NULL },     { SEEK, "ba", "d" },
    { SEEK_BACK, "b", "b" }, { SEEK_BACK, "c", "b" }, { SEEK_BACK, "a", NULL },
    { SEEK_BACK, "f", "f" }, { SEEK_BACK, "g", "f" }, { SEEK_BACK, "e", "d" },
    { FIRST, "", "b" },      { NEXT, "", "d" },       { NEXT, "", "f" },
    { NEXT, "", NULL },      { LAST, "", "f" },       { PREV, "", "d" },
    { PREV, "", "b" },       { PREV, "", NULL },      { SEEK, "c", "d" },
    { NEXT, "", "f" },       { SEEK_BACK, "e", "d" }, { PREV, "", "b" },
};

static void
walk_all(struct store_table *table)
{
    struct store_cursor *cursor;
    struct store_row row;
    size_t i;

    assert_int_equal(store_cursor_open(table, &cursor), RC_OK);
    for (i = 0; i < ARRAY_COUNT(walks); i++) {
        enum rc rc = step_take(cursor, walks[i].step, walks[i].key, &row);

        if (rc != (walks[i].found != NULL ? RC_OK : RC_NOT_FOUND) ||
            (rc == RC_OK && !row_is(&row, walks[i].found, "value")))
            fail_msg("walk %zu: key \"%s\", rc %s", i, walks[i].key,
                     rc_name(rc));
    }
    store_cursor_close(&cursor);
    assert_null(cursor);
}

static void
test_store_cursor_walks_in_key_order(void **state)
{
    struct store_rig *rig = *state;

    begin(rig);
    put_text(rig->table, "f", "value");
    put_text(rig->table, "b", "value");
    put_text(rig->table, "d", "value");
    walk_all(rig->table); /* in the transaction that wrote them */
    commit(rig);
    walk_all(rig->table);
}

static void
test_store_cursor_in_empty_table_finds_nothing(void **state)
{
    struct store_rig *rig = *state;
    struct store_cursor *cursor;
    struct store_row row;

    assert_int_equal(store_cursor_open(rig->table, &cursor), RC_OK);
    assert_int_equal(store_cursor_first(cursor, &row), RC_NOT_FOUND);
    assert_int_equal(store_cursor_last(cursor, &row), RC_NOT_FOUND);
    assert_int_equal(store_cursor_seek(cursor, "a", 1, &row), RC_NOT_FOUND);
    assert_int_equal(store_cursor_seek_back(cursor, "a", 1, &row),
                     RC_NOT_FOUND);
    store_cursor_close(&cursor);
    store_cursor_close(&cursor); /* none: no effect */
}

/* A step to a row that outgrows the cursor's memory takes that row, not the
 * one behind it. */
static void
test_store_cursor_grows_in_place(void **state)
{
    static const size_t sizes[] = { 10, 8193, 10, 300000, 4096, BIG, 1 };
    struct store_rig *rig = *state;
    struct store_cursor *cursor;
    struct store_row row;
    uint64_t i;

    begin(rig);
    for (i = 0; i < ARRAY_COUNT(sizes); i++)
        row_put_number(rig->table, i, sizes[i]);
    commit(rig);
    assert_int_equal(store_cursor_open(rig->table, &cursor), RC_OK);
    for (i = 0; i < ARRAY_COUNT(sizes); i++) {
        assert_int_equal(store_cursor_next(cursor, &row), RC_OK);
        assert_int_equal(row.key[7], i);
        assert_int_equal(row.bytes, sizes[i]);
    }
    store_cursor_close(&cursor);
}

/* The same for a seek: the wanted key must survive the first, failed try. */
static void
test_store_cursor_seek_grows_in_place(void **state)
{
    struct store_rig *rig = *state;
    struct store_cursor *cursor;
    struct store_row row;
    char *big = calloc(1, BIG);

    begin(rig);
    put_text(rig->table, "a", "small");
    assert_int_equal(store_put(rig->table, "long key", 8, big, BIG), RC_OK);
    put_text(rig->table, "z", "small");
    commit(rig);
    free(big);
    assert_int_equal(store_cursor_open(rig->table, &cursor), RC_OK);
    assert_int_equal(store_cursor_seek(cursor, "b", 1, &row), RC_OK);
    assert_int_equal(row.key_bytes, 8);
    assert_int_equal(row.bytes, BIG);
    /* With the current row's own key as the one wanted. */
    assert_int_equal(
        store_cursor_seek_back(cursor, row.key, row.key_bytes, &row), RC_OK);
    assert_int_equal(row.bytes, BIG);
    assert_int_equal(store_cursor_seek(cursor, row.key, row.key_bytes, &row),
                     RC_OK);
    assert_int_equal(row.bytes, BIG);
    store_cursor_close(&cursor);
}

static void
test_store_cursor_finds_longest_key(void **state)
{
    struct store_rig *rig = *state;
    struct store_cursor *cursor;
    struct store_row row;
    char key[STORE_KEY_BYTES_MAX];

    memset(key, 'k', sizeof key);
    begin(rig);
    assert_int_equal(store_put(rig->table, key, sizeof key, "v", 1), RC_OK);
    commit(rig);
    assert_int_equal(store_cursor_open(rig->table, &cursor), RC_OK);
    assert_int_equal(store_cursor_seek(cursor, key, sizeof key, &row), RC_OK);
    assert_int_equal(row.key_bytes, sizeof key);
    assert_int_equal(store_cursor_seek_back(cursor, key, sizeof key, &row),
                     RC_OK);
    assert_int_equal(row.bytes, 1);
    store_cursor_close(&cursor);
}

#define WITH_RIG(test)                                                         \
    cmocka_unit_test_setup_teardown(test, store_rig_setup, store_rig_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RIG(test_store_cursor_walks_in_key_order),
        WITH_RIG(test_store_cursor_in_empty_table_finds_nothing),
        WITH_RIG(test_store_cursor_grows_in_place),
        WITH_RIG(test_store_cursor_seek_grows_in_place),
        WITH_RIG(test_store_cursor_finds_longest_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
