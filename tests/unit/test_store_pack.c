/*
 * test_store_pack.c - a packed table is a table
 *
 * What is done to it at random is done to an array, too, and then read from
 * both: with the changes in memory, on disk, and after an abort.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <db.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "saga/bytes.h"
#include "saga/log.h"
#include "saga/pack.h"
#include "../support/store_rig.h"

/* More than the store keeps in memory, so that packs leave it. */
#define NUMBERS_MAX 6000
#define ROUNDS 60
#define STEPS 200

struct model {
    uint8_t bytes[NUMBERS_MAX]; /* of the row; 0: none */
    uint8_t mark[NUMBERS_MAX];  /* every octet of it   */
};

struct pack_rig {
    struct store_rig rig;
    struct store_table *table;
    struct model now;  /* with the open transaction */
    struct model kept; /* as committed              */
};

static void
key_of(uint64_t number, uint8_t key[8])
{
    struct bytes_writer writer;

    bytes_writer_init(&writer, key, 8);
    bytes_put_u64(&writer, number);
}

static int
setup(void **state)
{
    struct pack_rig *pack_rig = calloc(1, sizeof *pack_rig);

    assert_non_null(pack_rig);
    store_rig_init(&pack_rig->rig, NULL);
    store_rig_open(&pack_rig->rig);
    assert_int_equal(store_table_open_packed(pack_rig->rig.store, "packed",
                                             &pack_rig->table),
                     RC_OK);
    *state = pack_rig;
    return 0;
}

static int
teardown(void **state)
{
    struct pack_rig *pack_rig = *state;

    store_rig_fini(&pack_rig->rig);
    free(pack_rig);
    return 0;
}

static void
reopen(struct pack_rig *pack_rig)
{
    store_rig_close(&pack_rig->rig);
    store_rig_open(&pack_rig->rig);
    assert_int_equal(store_table_open_packed(pack_rig->rig.store, "packed",
                                             &pack_rig->table),
                     RC_OK);
}

/* ---- against the model -------------------------------------------------- */

static void
row_check(const struct model *model, uint64_t number, const uint8_t *value,
          size_t bytes)
{
    size_t i;

    assert_int_equal(bytes, model->bytes[number]);
    for (i = 0; i < bytes; i++)
        assert_int_equal(value[i], model->mark[number]);
}

static void
get_check(struct pack_rig *pack_rig, uint64_t number)
{
    uint8_t key[8], value[PACK_ROW_BYTES_MAX];
    size_t bytes;
    enum rc rc;

    key_of(number, key);
    rc = store_get(pack_rig->table, key, sizeof key, value, sizeof value,
                   &bytes);
    assert_int_equal(rc, pack_rig->now.bytes[number] != 0 ? RC_OK
                                                          : RC_NOT_FOUND);
    if (rc == RC_OK)
        row_check(&pack_rig->now, number, value, bytes);
}

static uint64_t
model_from(const struct model *model, uint64_t number)
{
    while (number < NUMBERS_MAX && model->bytes[number] == 0)
        number++;
    return number;
}

/* NUMBERS_MAX if there is none. */
static uint64_t
model_upto(const struct model *model, uint64_t number)
{
    for (; number < NUMBERS_MAX; number--) { /* past 0 it wraps */
        if (model->bytes[number] != 0)
            return number;
    }
    return NUMBERS_MAX;
}

/* The row that the cursor found is the model's at `number`. */
static void
found_check(const struct model *model, enum rc rc,
            const struct store_row *row, uint64_t number)
{
    uint8_t key[8];

    assert_int_equal(rc, number < NUMBERS_MAX ? RC_OK : RC_NOT_FOUND);
    if (rc != RC_OK)
        return;
    key_of(number, key);
    assert_int_equal(row->key_bytes, sizeof key);
    assert_memory_equal(row->key, key, sizeof key);
    row_check(model, number, row->value, row->bytes);
}

static void
walk_check(struct pack_rig *pack_rig)
{
    const struct model *model = &pack_rig->now;
    struct store_cursor *cursor;
    struct store_row row;
    uint64_t number;
    enum rc rc;

    assert_int_equal(store_cursor_open(pack_rig->table, &cursor), RC_OK);
    rc = store_cursor_first(cursor, &row);
    for (number = model_from(model, 0); number < NUMBERS_MAX;
         number = model_from(model, number + 1)) {
        found_check(model, rc, &row, number);
        rc = store_cursor_next(cursor, &row);
    }
    assert_int_equal(rc, RC_NOT_FOUND);
    rc = store_cursor_last(cursor, &row);
    for (number = model_upto(model, NUMBERS_MAX - 1); number < NUMBERS_MAX;
         number = model_upto(model, number - 1)) {
        found_check(model, rc, &row, number);
        rc = store_cursor_prev(cursor, &row);
    }
    assert_int_equal(rc, RC_NOT_FOUND);
    store_cursor_close(&cursor);
}

static void
seek_check(struct pack_rig *pack_rig, uint64_t number)
{
    const struct model *model = &pack_rig->now;
    struct store_cursor *cursor;
    struct store_row row;
    uint8_t key[8];
    uint64_t found;
    enum rc rc;

    key_of(number, key);
    assert_int_equal(store_cursor_open(pack_rig->table, &cursor), RC_OK);
    found = model_from(model, number);
    rc = store_cursor_seek(cursor, key, sizeof key, &row);
    found_check(model, rc, &row, found);
    if (rc == RC_OK) {
        rc = store_cursor_prev(cursor, &row);
        found_check(model, rc, &row, model_upto(model, found - 1));
    }
    found = model_upto(model, number);
    rc = store_cursor_seek_back(cursor, key, sizeof key, &row);
    found_check(model, rc, &row, found);
    if (rc == RC_OK) {
        rc = store_cursor_next(cursor, &row);
        found_check(model, rc, &row, model_from(model, found + 1));
    }
    store_cursor_close(&cursor);
}

static uint64_t
some_number(unsigned short seed[3], uint64_t newest)
{
    uint64_t span = (uint64_t)nrand48(seed) % 4 == 0 ? NUMBERS_MAX : 40;
    uint64_t back = (uint64_t)nrand48(seed) % span;

    return back < newest ? newest - back : back;
}

static void
change(struct pack_rig *pack_rig, unsigned short seed[3], uint64_t newest)
{
    const uint64_t number = some_number(seed, newest);
    const size_t bytes = 1 + (size_t)nrand48(seed) % PACK_ROW_BYTES_MAX;
    struct model *model = &pack_rig->now;
    uint8_t key[8], value[PACK_ROW_BYTES_MAX];
    const bool there = model->bytes[number] != 0;
    const uint8_t mark = (uint8_t)nrand48(seed);

    key_of(number, key);
    memset(value, mark, sizeof value);
    switch (nrand48(seed) % 8) {
    case 0:
        assert_int_equal(store_delete(pack_rig->table, key, sizeof key),
                         there ? RC_OK : RC_NOT_FOUND);
        model->bytes[number] = 0;
        return;
    case 1:
    case 2:
    case 3:
        assert_int_equal(store_put_new(pack_rig->table, key, sizeof key,
                                       value, bytes),
                         there ? RC_EXISTS : RC_OK);
        if (there)
            return;
        break;
    default:
        assert_int_equal(store_put(pack_rig->table, key, sizeof key, value,
                                   bytes),
                         RC_OK);
    }
    model->bytes[number] = (uint8_t)bytes;
    model->mark[number] = mark;
}

static void
test_store_pack_is_what_was_put(void **state)
{
    struct pack_rig *pack_rig = *state;
    unsigned short seed[3] = { 1, 2, 3 };
    struct store *store;
    uint64_t newest = 0;
    int round, step;

    for (round = 0; round < ROUNDS; round++) {
        store = pack_rig->rig.store;
        assert_int_equal(store_begin(store), RC_OK);
        for (step = 0; step < STEPS; step++) {
            if (newest < NUMBERS_MAX - 1 && step % 2 == 0)
                newest++;
            change(pack_rig, seed, newest);
            get_check(pack_rig, some_number(seed, newest));
        }
        seek_check(pack_rig, some_number(seed, newest));
        if (round % 7 == 6) {
            store_abort(store);
            pack_rig->now = pack_rig->kept;
        } else {
            assert_int_equal(store_commit(store), RC_OK);
            pack_rig->kept = pack_rig->now;
        }
        seek_check(pack_rig, some_number(seed, newest));
        walk_check(pack_rig);
        if (round % 20 == 19)
            reopen(pack_rig);
    }
    walk_check(pack_rig);
}

/* ---- edges -------------------------------------------------------------- */

static void
test_store_pack_of_nothing_is_empty(void **state)
{
    struct pack_rig *pack_rig = *state;

    walk_check(pack_rig);
    seek_check(pack_rig, 0);
    seek_check(pack_rig, NUMBERS_MAX - 1);
    get_check(pack_rig, 5);
}

static void
test_store_pack_tells_how_long_a_row_is(void **state)
{
    struct pack_rig *pack_rig = *state;
    uint8_t key[8], value[4];
    size_t bytes;

    key_of(UINT64_MAX, key);
    assert_int_equal(store_begin(pack_rig->rig.store), RC_OK);
    assert_int_equal(store_put(pack_rig->table, key, 8, "12345", 5), RC_OK);
    assert_int_equal(store_get(pack_rig->table, key, 8, value, 4, &bytes),
                     RC_FULL);
    assert_int_equal(bytes, 5);
    assert_int_equal(store_commit(pack_rig->rig.store), RC_OK);
}

/* Tables of the version before, and packs with a turned bit. */
static void
test_store_pack_that_is_none_is_damage(void **state)
{
    static const struct {
        const char *name;
        size_t key_bytes;
        const char *value;
        size_t bytes;
    } rows[] = {
        { "plain", 8, "\1row", 4 },
        { "key", 7, "\x50\0\1x", 4 },
        { "empty", 8, "\x50", 1 },
        { "long", 8, NULL, PACK_BYTES_MAX + 1 },
    };
    static const uint8_t zeros[PACK_BYTES_MAX + 1];
    struct pack_rig *pack_rig = *state;
    struct store *store = pack_rig->rig.store;
    struct store_table *table;
    size_t i;

    for (i = 0; i < ARRAY_COUNT(rows); i++) {
        assert_int_equal(store_table_open(store, rows[i].name, &table),
                         RC_OK);
        assert_int_equal(store_begin(store), RC_OK);
        assert_int_equal(store_put(table, zeros, rows[i].key_bytes,
                                   rows[i].value != NULL
                                       ? (const void *)rows[i].value : zeros,
                                   rows[i].bytes),
                         RC_OK);
        assert_int_equal(store_commit(store), RC_OK);
        assert_int_equal(store_table_close(&table), RC_OK);
        if (store_table_open_packed(store, rows[i].name, &table) !=
            RC_DAMAGED)
            fail_msg("%s", rows[i].name);
    }
}

/* One behind the first is met when it is read. */
static void
test_store_pack_damaged_later_is_met(void **state)
{
    struct pack_rig *pack_rig = *state;
    struct store *store = pack_rig->rig.store;
    struct store_table *table;
    struct store_cursor *cursor;
    struct store_row row;
    uint8_t key[8], value[4];
    size_t bytes;

    assert_int_equal(store_begin(store), RC_OK);
    key_of(3, key);
    assert_int_equal(store_put(pack_rig->table, key, 8, "x", 1), RC_OK);
    assert_int_equal(store_commit(store), RC_OK);
    assert_int_equal(store_table_open(store, "packed", &table), RC_OK);
    assert_int_equal(store_begin(store), RC_OK);
    key_of(2, key); /* of the rows 16 to 23 */
    assert_int_equal(store_put(table, key, 8, "\x50\0\2x", 4), RC_OK);
    assert_int_equal(store_commit(store), RC_OK);
    key_of(17, key);
    assert_int_equal(store_get(pack_rig->table, key, 8, value, 4, &bytes),
                     RC_DAMAGED);
    assert_int_equal(store_begin(store), RC_OK);
    assert_int_equal(store_put(pack_rig->table, key, 8, "x", 1), RC_DAMAGED);
    store_abort(store);
    assert_int_equal(store_cursor_open(pack_rig->table, &cursor), RC_OK);
    assert_int_equal(store_cursor_first(cursor, &row), RC_OK);
    assert_int_equal(store_cursor_next(cursor, &row), RC_DAMAGED);
    store_cursor_close(&cursor);
}

/* ---- a full disk ------------------------------------------------------- */

static bool disk_is_full;

static ssize_t
write_or_full(int fd, const void *bytes, size_t count)
{
    if (!disk_is_full)
        return write(fd, bytes, count);
    errno = ENOSPC;
    return -1;
}

/* The pack of it is written before the disk is full, because a cursor walks:
 * so it is the commit's own record that finds no space, if the log's buffer
 * wants to be written just then. */
static enum rc
put_and_commit_full(struct pack_rig *pack_rig, uint64_t number)
{
    struct store_cursor *cursor;
    struct store_row row;
    uint8_t key[8], value[50] = { 1 };
    enum rc rc;

    key_of(number, key);
    assert_int_equal(store_begin(pack_rig->rig.store), RC_OK);
    assert_int_equal(store_put_new(pack_rig->table, key, 8, value,
                                   sizeof value), RC_OK);
    assert_int_equal(store_cursor_open(pack_rig->table, &cursor), RC_OK);
    assert_int_equal(store_cursor_last(cursor, &row), RC_OK);
    store_cursor_close(&cursor);
    disk_is_full = true;
    rc = store_commit(pack_rig->rig.store);
    disk_is_full = false;
    return rc;
}

/* Regress 028: it was read, and could not be put again, until the process
 * ended; then it was gone. */
static void
test_store_028_row_of_a_commit_without_space_is_not_there(void **state)
{
    struct pack_rig *pack_rig = *state;
    uint64_t number = 0, put_max = 1000000;
    uint8_t key[8], value[50];
    size_t bytes;
    enum rc rc = RC_OK;

    store_rig_close(&pack_rig->rig);
    db_env_set_func_write(write_or_full);
    store_rig_open(&pack_rig->rig);
    assert_int_equal(store_table_open_packed(pack_rig->rig.store, "packed",
                                             &pack_rig->table), RC_OK);
    while (rc == RC_OK && number < put_max)
        rc = put_and_commit_full(pack_rig, ++number);
    assert_int_equal(rc, RC_NO_SPACE);
    key_of(number, key);
    assert_int_equal(store_get(pack_rig->table, key, 8, value, sizeof value,
                               &bytes), RC_NOT_FOUND);
    assert_int_equal(store_begin(pack_rig->rig.store), RC_OK);
    assert_int_equal(store_put_new(pack_rig->table, key, 8, value,
                                   sizeof value), RC_OK);
    assert_int_equal(store_commit(pack_rig->rig.store), RC_OK);
    assert_int_equal(store_flush(pack_rig->rig.store), RC_OK);
    db_env_set_func_write(NULL);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_store_pack_is_what_was_put),
        T(test_store_pack_of_nothing_is_empty),
        T(test_store_pack_tells_how_long_a_row_is),
        T(test_store_pack_that_is_none_is_damage),
        T(test_store_pack_damaged_later_is_met),
        T(test_store_028_row_of_a_commit_without_space_is_not_there),
    };

    log_open("test_store_pack");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
