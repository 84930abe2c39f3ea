/*
 * test_store.c - tables, rows and transactions in one process's life
 *
 * Cursors: test_store_cursor.c.  Kills, damage, full disks: test_store_kill.c,
 * test_store_damage.c.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../support/dies.h"
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

/* The value as text, or "-" if there is no such row. */
static const char *
get_text(struct store_table *table, const char *key)
{
    static char value[100];
    size_t bytes = 0;
    enum rc rc = store_get(table, key, strlen(key), value, sizeof value - 1,
                           &bytes);

    if (rc == RC_NOT_FOUND)
        return "-";
    assert_int_equal(rc, RC_OK);
    value[bytes] = '\0';
    return value;
}

static bool
file_exists(const struct store_rig *rig, const char *name)
{
    char path[STORE_RIG_PATH_BYTES];

    store_rig_path(path, rig, name);
    return access(path, F_OK) == 0;
}

/* ---- rows -------------------------------------------------------------- */

static void
test_store_new_directory_is_created(void **state)
{
    struct store_rig *rig = *state;
    struct stat status;
    char path[STORE_RIG_PATH_BYTES];

    assert_true(rig->created);
    store_rig_close(rig);
    store_rig_open(rig);
    assert_false(rig->created);
    store_rig_path(path, rig, "rows");
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
}

static void
test_store_put_row_is_read_back(void **state)
{
    struct store_rig *rig = *state;

    begin(rig);
    put_text(rig->table, "a", "one");
    put_text(rig->table, "", "empty key");
    put_text(rig->table, "empty value", "");
    assert_string_equal(get_text(rig->table, "a"), "one");
    commit(rig);
    assert_string_equal(get_text(rig->table, "a"), "one");
    assert_string_equal(get_text(rig->table, ""), "empty key");
    assert_string_equal(get_text(rig->table, "empty value"), "");
    assert_string_equal(get_text(rig->table, "b"), "-");
    begin(rig);
    put_text(rig->table, "a", "another, longer one");
    commit(rig);
    assert_string_equal(get_text(rig->table, "a"), "another, longer one");
}

static void
test_store_put_new_of_old_key_exists(void **state)
{
    struct store_rig *rig = *state;

    begin(rig);
    assert_int_equal(store_put_new(rig->table, "a", 1, "one", 3), RC_OK);
    assert_int_equal(store_put_new(rig->table, "a", 1, "two", 3), RC_EXISTS);
    put_text(rig->table, "b", "after the refusal");
    commit(rig);
    assert_string_equal(get_text(rig->table, "a"), "one");
    assert_string_equal(get_text(rig->table, "b"), "after the refusal");
}

static void
put_new_all(struct store_rig *rig, const char *keys, enum rc expected)
{
    for (; *keys != '\0'; keys++)
        assert_int_equal(store_put_new(rig->table, keys, 1, "new", 3),
                         expected);
}

/* What lies above all others is put without a look: it must be above. */
static void
test_store_put_new_meets_keys_put_in_any_order(void **state)
{
    struct store_rig *rig = *state;

    begin(rig);
    put_text(rig->table, "m", "old");
    put_new_all(rig, "nob", RC_OK);
    put_text(rig->table, "q", "old");
    put_new_all(rig, "qnmob", RC_EXISTS);
    assert_int_equal(store_put_new(rig->table, "qq", 2, "new", 3), RC_OK);
    commit(rig);
    store_rig_close(rig);
    store_rig_open(rig);
    begin(rig);
    assert_int_equal(store_put_new(rig->table, "qq", 2, "new", 3), RC_EXISTS);
    put_new_all(rig, "qnmob", RC_EXISTS);
    assert_string_equal(get_text(rig->table, "q"), "old");
    put_new_all(rig, "xz", RC_OK);
    store_abort(rig->store);
    begin(rig);
    put_new_all(rig, "xy", RC_OK);
    assert_int_equal(store_delete(rig->table, "y", 1), RC_OK);
    put_new_all(rig, "y", RC_OK);
    put_new_all(rig, "xyq", RC_EXISTS);
    commit(rig);
    assert_string_equal(get_text(rig->table, "y"), "new");
}

static void
test_store_delete_removes_row(void **state)
{
    struct store_rig *rig = *state;

    begin(rig);
    put_text(rig->table, "a", "one");
    assert_int_equal(store_delete(rig->table, "a", 1), RC_OK);
    assert_int_equal(store_delete(rig->table, "a", 1), RC_NOT_FOUND);
    put_text(rig->table, "b", "after the refusal");
    commit(rig);
    assert_string_equal(get_text(rig->table, "a"), "-");
    assert_string_equal(get_text(rig->table, "b"), "after the refusal");
}

static void
test_store_values_of_all_sizes_are_read_back(void **state)
{
    static const size_t sizes[] = { 0, 1, 1000, 1023, 1024, 4095, 4096, 4097,
                                    65536, BIG - 1, BIG };
    struct store_rig *rig = *state;
    uint64_t i;

    begin(rig);
    for (i = 0; i < ARRAY_COUNT(sizes); i++)
        row_put_number(rig->table, i, sizes[i]);
    commit(rig);
    store_rig_close(rig);
    store_rig_open(rig);
    for (i = 0; i < ARRAY_COUNT(sizes); i++)
        assert_true(row_has_number(rig->table, i, sizes[i]));
}

static void
test_store_get_into_small_buffer_is_full(void **state)
{
    struct store_rig *rig = *state;
    uint8_t *big = calloc(1, BIG);
    uint8_t value[10];
    size_t bytes = 0;

    begin(rig);
    put_text(rig->table, "a", "0123456789");
    assert_int_equal(store_put(rig->table, "b", 1, big, BIG), RC_OK);
    commit(rig);
    free(big);
    assert_int_equal(store_get(rig->table, "a", 1, value, 10, &bytes), RC_OK);
    assert_int_equal(bytes, 10);
    assert_int_equal(store_get(rig->table, "a", 1, value, 9, &bytes), RC_FULL);
    assert_int_equal(bytes, 10);
    assert_int_equal(store_get(rig->table, "a", 1, NULL, 0, &bytes), RC_FULL);
    assert_int_equal(bytes, 10);
    assert_int_equal(store_get(rig->table, "b", 1, value, 10, &bytes),
                     RC_FULL);
    assert_int_equal(bytes, BIG);
}

/* ---- transactions ------------------------------------------------------ */

static void
test_store_abort_undoes_everything(void **state)
{
    struct store_rig *rig = *state;
    struct store_table *other;

    begin(rig);
    put_text(rig->table, "a", "one");
    put_text(rig->table, "b", "two");
    commit(rig);
    begin(rig);
    put_text(rig->table, "a", "changed");
    put_text(rig->table, "c", "new");
    assert_int_equal(store_delete(rig->table, "b", 1), RC_OK);
    assert_int_equal(store_table_open(rig->store, "other", &other), RC_OK);
    put_text(other, "x", "y");
    assert_true(file_exists(rig, "other"));
    store_abort(rig->store);
    store_abort(rig->store); /* none open: no effect */
    assert_int_equal(store_table_close(&other), RC_OK);
    assert_false(file_exists(rig, "other"));
    assert_string_equal(get_text(rig->table, "a"), "one");
    assert_string_equal(get_text(rig->table, "b"), "two");
    assert_string_equal(get_text(rig->table, "c"), "-");
    assert_int_equal(store_table_open(rig->store, "other", &other), RC_OK);
    assert_string_equal(get_text(other, "x"), "-");
}

static void
test_store_table_made_in_transaction_lives_after_commit(void **state)
{
    struct store_rig *rig = *state;
    struct store_table *other;

    begin(rig);
    assert_int_equal(store_table_open(rig->store, "other", &other), RC_OK);
    put_text(other, "x", "y");
    commit(rig);
    begin(rig);
    put_text(other, "x2", "y2");
    commit(rig);
    assert_int_equal(store_table_close(&other), RC_OK);
    store_rig_close(rig);
    store_rig_open(rig);
    assert_int_equal(store_table_open(rig->store, "other", &other), RC_OK);
    assert_string_equal(get_text(other, "x"), "y");
    assert_string_equal(get_text(other, "x2"), "y2");
}

static void
make_other(struct store_rig *rig)
{
    struct store_table *other;

    begin(rig);
    assert_int_equal(store_table_open(rig->store, "other", &other), RC_OK);
    put_text(other, "x", "y");
    commit(rig);
    assert_int_equal(store_table_close(&other), RC_OK);
    assert_null(other);
}

static void
test_store_table_removed_is_gone_after_commit(void **state)
{
    struct store_rig *rig = *state;
    struct store_table *other;

    make_other(rig);
    begin(rig);
    assert_int_equal(store_table_remove(rig->store, "other"), RC_OK);
    assert_int_equal(store_table_remove(rig->store, "nosuch"), RC_NOT_FOUND);
    put_text(rig->table, "a", "in the same transaction");
    commit(rig);
    assert_false(file_exists(rig, "other"));
    assert_int_equal(store_table_open(rig->store, "other", &other), RC_OK);
    assert_string_equal(get_text(other, "x"), "-");
    assert_string_equal(get_text(rig->table, "a"), "in the same transaction");
}

static void
test_store_table_removed_is_back_after_abort(void **state)
{
    struct store_rig *rig = *state;
    struct store_table *other;

    make_other(rig);
    begin(rig);
    assert_int_equal(store_table_remove(rig->store, "other"), RC_OK);
    store_abort(rig->store);
    assert_false(file_exists(rig, "old/other.0"));
    assert_int_equal(store_table_open(rig->store, "other", &other), RC_OK);
    assert_string_equal(get_text(other, "x"), "y");
    store_rig_close(rig);
    store_rig_open(rig);
    assert_int_equal(store_table_open(rig->store, "other", &other), RC_OK);
    assert_string_equal(get_text(other, "x"), "y");
}

static void
test_store_reopened_keeps_all(void **state)
{
    struct store_rig *rig = *state;
    uint64_t i;

    begin(rig);
    for (i = 0; i < 20000; i++)
        row_put_number(rig->table, i, 100);
    commit(rig);
    store_rig_close(rig);
    store_rig_open(rig);
    for (i = 0; i < 20000; i++)
        assert_true(row_has_number(rig->table, i, 100));
    assert_false(row_has_number(rig->table, 20000, 100));
}

static void
test_store_many_tables_stay_open(void **state)
{
    enum { TABLES = 600 }; /* below the usual 1024 descriptors */
    struct store_rig *rig = *state;
    struct store_table *tables[TABLES];
    char name[STORE_NAME_BYTES];
    int i;

    begin(rig);
    for (i = 0; i < TABLES; i++) {
        snprintf(name, sizeof name, "table.%d", i);
        assert_int_equal(store_table_open(rig->store, name, &tables[i]),
                         RC_OK);
        put_text(tables[i], "name", name);
    }
    commit(rig);
    assert_string_equal(get_text(tables[0], "name"), "table.0");
    assert_string_equal(get_text(tables[TABLES - 1], "name"), "table.599");
}

static void
test_store_flush_without_commit_does_nothing(void **state)
{
    struct store_rig *rig = *state;
    struct store_stats before, after;

    assert_int_equal(store_flush(rig->store), RC_OK);
    store_stats(rig->store, &before);
    assert_int_equal(store_flush(rig->store), RC_OK);
    store_stats(rig->store, &after);
    assert_int_equal(after.flushes, before.flushes);
    begin(rig);
    put_text(rig->table, "a", "one");
    commit(rig);
    store_stats(rig->store, &after);
    assert_int_equal(after.flushes, before.flushes + 1);
    assert_int_equal(after.commits, before.commits + 1);
    assert_true(after.flush_us_max <= after.flush_us_total);
}

/* ---- laws -------------------------------------------------------------- */

static void
put_without_transaction(const void *argument)
{
    const struct store_rig *rig = argument;

    (void)!store_put(rig->table, "a", 1, "b", 1);
}

static void
begin_twice(const void *argument)
{
    const struct store_rig *rig = argument;

    (void)!store_begin(rig->store);
    (void)!store_begin(rig->store);
}

static void
commit_under_cursor(const void *argument)
{
    const struct store_rig *rig = argument;
    struct store_cursor *cursor;

    (void)!store_begin(rig->store);
    (void)!store_cursor_open(rig->table, &cursor);
    (void)!store_commit(rig->store);
}

static void
open_table_elsewhere(const void *argument)
{
    const struct store_rig *rig = argument;
    struct store_table *table;

    (void)!store_table_open(rig->store, "a/rows", &table);
}

static void
close_in_transaction(const void *argument)
{
    struct store_rig rig = *(const struct store_rig *)argument;

    (void)!store_begin(rig.store);
    (void)!store_close(&rig.store);
}

static void
test_store_broken_laws_end_the_process(void **state)
{
    assert_true(dies(put_without_transaction, *state));
    assert_true(dies(begin_twice, *state));
    assert_true(dies(commit_under_cursor, *state));
    assert_true(dies(open_table_elsewhere, *state));
    assert_true(dies(close_in_transaction, *state));
}

#define WITH_RIG(test)                                                         \
    cmocka_unit_test_setup_teardown(test, store_rig_setup, store_rig_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RIG(test_store_new_directory_is_created),
        WITH_RIG(test_store_put_row_is_read_back),
        WITH_RIG(test_store_put_new_of_old_key_exists),
        WITH_RIG(test_store_put_new_meets_keys_put_in_any_order),
        WITH_RIG(test_store_delete_removes_row),
        WITH_RIG(test_store_values_of_all_sizes_are_read_back),
        WITH_RIG(test_store_get_into_small_buffer_is_full),
        WITH_RIG(test_store_abort_undoes_everything),
        WITH_RIG(test_store_table_made_in_transaction_lives_after_commit),
        WITH_RIG(test_store_table_removed_is_gone_after_commit),
        WITH_RIG(test_store_table_removed_is_back_after_abort),
        WITH_RIG(test_store_reopened_keeps_all),
        WITH_RIG(test_store_many_tables_stay_open),
        WITH_RIG(test_store_flush_without_commit_does_nothing),
        WITH_RIG(test_store_broken_laws_end_the_process),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
