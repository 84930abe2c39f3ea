#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "store_rig.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "saga/bytes.h"

#define CACHE_BYTES (4u << 20)
#define CHECKPOINT_BYTES (1ull << 34) /* never reached */
#define CHECKPOINT_MS 3600000u
#define DESCRIPTORS_MAX 16

static uint8_t row_wanted[STORE_VALUE_BYTES_MAX];
static uint8_t row_found[STORE_VALUE_BYTES_MAX];

static int
on_tree_entry(const char *path, const struct stat *status, int flag,
              struct FTW *place)
{
    (void)status;
    (void)flag;
    (void)place;
    return remove(path);
}

void
remove_tree(const char *path)
{
    nftw(path, on_tree_entry, DESCRIPTORS_MAX, FTW_DEPTH | FTW_PHYS);
}

void
store_rig_init(struct store_rig *rig, const char *parent)
{
    memset(rig, 0, sizeof *rig);
    snprintf(rig->directory, sizeof rig->directory, "%s/store.XXXXXX",
             parent != NULL ? parent : "/tmp");
    assert_non_null(mkdtemp(rig->directory));
    rig->config = (struct store_config){ .directory = rig->directory,
                                         .cache_bytes = CACHE_BYTES,
                                         .checkpoint_bytes = CHECKPOINT_BYTES,
                                         .checkpoint_ms = CHECKPOINT_MS };
}

enum rc
table_open_as_owner(struct store *store, const char *name,
                    struct store_table **table_out)
{
    static const char *const packed[] = { "orders", "payments",
                                          "transactions" };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(packed); i++) {
        if (strcmp(name, packed[i]) == 0)
            return store_table_open_packed(store, name, table_out);
    }
    return store_table_open(store, name, table_out);
}

void
store_rig_open(struct store_rig *rig)
{
    assert_int_equal(store_open(&rig->store, &rig->config, &rig->created),
                     RC_OK);
    assert_int_equal(store_table_open(rig->store, "rows", &rig->table), RC_OK);
}

void
store_rig_close(struct store_rig *rig)
{
    rig->table = NULL;
    assert_int_equal(store_close(&rig->store), RC_OK);
    assert_null(rig->store);
}

void
store_rig_fini(struct store_rig *rig)
{
    if (rig->store != NULL) {
        store_abort(rig->store); /* of a test that failed half-way */
        store_rig_close(rig);
    }
    remove_tree(rig->directory);
}

void
store_rig_path(char path[STORE_RIG_PATH_BYTES], const struct store_rig *rig,
               const char *name)
{
    snprintf(path, STORE_RIG_PATH_BYTES, "%s/%s", rig->directory, name);
}

int
store_rig_new(void **state)
{
    struct store_rig *rig = malloc(sizeof *rig);

    assert_non_null(rig);
    store_rig_init(rig, NULL);
    *state = rig;
    return 0;
}

int
store_rig_setup(void **state)
{
    store_rig_new(state);
    store_rig_open(*state);
    return 0;
}

int
store_rig_teardown(void **state)
{
    store_rig_fini(*state);
    free(*state);
    return 0;
}

static void
row_fill(uint8_t *value, uint64_t number, size_t bytes)
{
    size_t i;

    for (i = 0; i < bytes; i++)
        value[i] = (uint8_t)(number + number / 256 + i + i / 256);
}

static size_t
number_key(uint8_t key[8], uint64_t number)
{
    struct bytes_writer writer;

    bytes_writer_init(&writer, key, 8);
    bytes_put_u64(&writer, number);
    return writer.used;
}

enum rc
row_try_put_number(struct store_table *table, uint64_t number, size_t bytes)
{
    uint8_t key[8];
    size_t key_bytes = number_key(key, number);

    row_fill(row_wanted, number, bytes);
    return store_put(table, key, key_bytes, row_wanted, bytes);
}

void
row_put_number(struct store_table *table, uint64_t number, size_t bytes)
{
    assert_int_equal(row_try_put_number(table, number, bytes), RC_OK);
}

bool
row_has_number(struct store_table *table, uint64_t number, size_t bytes)
{
    uint8_t key[8];
    size_t key_bytes = number_key(key, number), found_bytes = 0;
    enum rc rc = store_get(table, key, key_bytes, row_found, sizeof row_found,
                           &found_bytes);

    if (rc == RC_NOT_FOUND)
        return false;
    assert_int_equal(rc, RC_OK);
    row_fill(row_wanted, number, bytes);
    return found_bytes == bytes && memcmp(row_found, row_wanted, bytes) == 0;
}

uint64_t
row_count_numbers(struct store_table *table, size_t bytes)
{
    struct store_cursor *cursor;
    struct store_row row;
    uint64_t count = 0;
    enum rc rc;

    assert_int_equal(store_cursor_open(table, &cursor), RC_OK);
    for (rc = store_cursor_first(cursor, &row); rc == RC_OK;
         rc = store_cursor_next(cursor, &row))
        assert_true(row_has_number(table, count++, bytes));
    assert_int_equal(rc, RC_NOT_FOUND);
    store_cursor_close(&cursor);
    return count;
}
