/*
 * store_cursor.c - walks through a table, in memory of the cursor's
 *
 * A closed cursor is kept with the memory it has grown to, and used again: a
 * walk allocates nothing once the store is warm.
 */
#include "saga/store_pack.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CURSOR_VALUE_BYTES_MIN STORE_PAGE_BYTES

static enum rc
cursor_grow(struct store_cursor *cursor, size_t bytes)
{
    size_t value_max = cursor->value_max;
    uint8_t *value;

    while (value_max < bytes)
        value_max *= 2;
    value = realloc(cursor->value, value_max);
    if (value == NULL)
        return store_failed(cursor->table->store, ENOMEM, "cursor",
                      cursor->table->name);
    cursor->value = value;
    cursor->value_max = value_max;
    return RC_OK;
}

/* A spare cursor, or a new one with the least memory. */
static struct store_cursor *
cursor_take_spare(struct store *store)
{
    struct store_cursor *cursor = store->cursors_spare;

    if (cursor != NULL) {
        store->cursors_spare = cursor->next;
        return cursor;
    }
    cursor = calloc(1, sizeof *cursor);
    if (cursor == NULL)
        return NULL;
    cursor->value = malloc(CURSOR_VALUE_BYTES_MIN);
    cursor->value_max = CURSOR_VALUE_BYTES_MIN;
    if (cursor->value == NULL) {
        free(cursor);
        return NULL;
    }
    return cursor;
}

enum rc
store_cursor_open(struct store_table *table, struct store_cursor **cursor_out)
{
    struct store *store = table->store;
    struct store_cursor *cursor;
    int error = ENOMEM;
    enum rc rc = table->packs == NULL ? RC_OK : store_packs_write(table);

    if (rc != RC_OK)
        return rc;
    cursor = cursor_take_spare(store);
    if (cursor != NULL)
        error = table->db->cursor(table->db, store->transaction, &cursor->dbc,
                                  0);
    if (error != 0) {
        if (cursor != NULL) {
            cursor->next = store->cursors_spare;
            store->cursors_spare = cursor;
        }
        return store_failed(store, error, "cursor_open", table->name);
    }
    cursor->table = table;
    cursor->in_transaction = store->transaction != NULL;
    store->transaction_cursors += cursor->in_transaction;
    table->cursors++;
    *cursor_out = cursor;
    return RC_OK;
}

void
store_cursor_close(struct store_cursor **cursor_p)
{
    struct store_cursor *cursor = *cursor_p;
    struct store *store;
    int error;

    if (cursor == NULL)
        return;
    store = cursor->table->store;
    error = cursor->dbc->close(cursor->dbc);
    if (error != 0)
        store_failed(store, error, "cursor_close", cursor->table->name);
    store->transaction_cursors -= cursor->in_transaction;
    cursor->table->cursors--;
    cursor->next = store->cursors_spare;
    store->cursors_spare = cursor;
    *cursor_p = NULL;
}

/*
 * One step of the library's.  When the row's value is bigger than our memory,
 * the cursor has not moved; then the memory grows and the step is taken again,
 * with the wanted key put back (the library may have written over it).
 */
static enum rc
cursor_step(struct store_cursor *cursor, const void *wanted,
            size_t wanted_bytes, u_int32_t step, struct store_row *row_out)
{
    struct store *store = cursor->table->store;
    DBT key = { .data = cursor->key, .ulen = sizeof cursor->key,
                .flags = DB_DBT_USERMEM };
    DBT value = { .flags = DB_DBT_USERMEM };
    int error;

    for (;;) {
        memcpy(cursor->key, wanted, wanted_bytes);
        key.size = (u_int32_t)wanted_bytes;
        value.data = cursor->value;
        value.ulen = (u_int32_t)cursor->value_max;
        error = cursor->dbc->get(cursor->dbc, &key, &value, step);
        if (error != DB_BUFFER_SMALL)
            break;
        if (value.size <= cursor->value_max ||
            value.size > STORE_VALUE_BYTES_MAX)
            return store_failed_as(store, RC_DAMAGED, error, "cursor",
                             cursor->table->name);
        if (cursor_grow(cursor, value.size) != RC_OK)
            return RC_IO;
    }
    if (error == DB_NOTFOUND)
        return RC_NOT_FOUND;
    if (error != 0)
        return store_failed(store, error, "cursor", cursor->table->name);
    *row_out = (struct store_row){ cursor->key, key.size, cursor->value,
                                   value.size };
    return RC_OK;
}

enum rc
store_step(struct store_cursor *cursor, u_int32_t step,
           struct store_row *row_out)
{
    return cursor_step(cursor, "", 0, step, row_out);
}

enum rc
store_step_seek(struct store_cursor *cursor, const void *key,
                size_t key_bytes, struct store_row *row_out)
{
    uint8_t wanted[STORE_KEY_BYTES_MAX]; /* key may be the current row's */

    invariant(key_bytes <= sizeof wanted);
    memcpy(wanted, key, key_bytes);
    return cursor_step(cursor, wanted, key_bytes, DB_SET_RANGE, row_out);
}

enum rc
store_step_seek_back(struct store_cursor *cursor, const void *key,
                     size_t key_bytes, struct store_row *row_out)
{
    uint8_t wanted[STORE_KEY_BYTES_MAX];
    DBT found = { .data = cursor->key, .size = (u_int32_t)key_bytes,
                  .ulen = sizeof cursor->key, .flags = DB_DBT_USERMEM };
    DBT nothing = { .flags = DB_DBT_USERMEM | DB_DBT_PARTIAL };
    int error;

    invariant(key_bytes <= sizeof wanted);
    memcpy(wanted, key, key_bytes);
    memcpy(cursor->key, wanted, key_bytes);
    error = cursor->dbc->get(cursor->dbc, &found, &nothing, DB_SET_RANGE);
    if (error == DB_NOTFOUND)
        return store_step(cursor, DB_LAST, row_out);
    if (error != 0)
        return store_failed(cursor->table->store, error, "cursor",
                      cursor->table->name);
    if (found.size == key_bytes && memcmp(cursor->key, wanted, key_bytes) == 0)
        return store_step(cursor, DB_CURRENT, row_out);
    return store_step(cursor, DB_PREV, row_out);
}

enum rc
store_cursor_seek(struct store_cursor *cursor, const void *key,
                  size_t key_bytes, struct store_row *row_out)
{
    return cursor->table->packs == NULL
               ? store_step_seek(cursor, key, key_bytes, row_out)
               : store_packs_seek(cursor, key, key_bytes, false,
                                  row_out);
}

enum rc
store_cursor_seek_back(struct store_cursor *cursor, const void *key,
                       size_t key_bytes, struct store_row *row_out)
{
    return cursor->table->packs == NULL
               ? store_step_seek_back(cursor, key, key_bytes, row_out)
               : store_packs_seek(cursor, key, key_bytes, true,
                                  row_out);
}

enum rc
store_cursor_first(struct store_cursor *cursor, struct store_row *row_out)
{
    return cursor->table->packs == NULL
               ? store_step(cursor, DB_FIRST, row_out)
               : store_packs_end(cursor, false, row_out);
}

enum rc
store_cursor_last(struct store_cursor *cursor, struct store_row *row_out)
{
    return cursor->table->packs == NULL
               ? store_step(cursor, DB_LAST, row_out)
               : store_packs_end(cursor, true, row_out);
}

enum rc
store_cursor_next(struct store_cursor *cursor, struct store_row *row_out)
{
    return cursor->table->packs == NULL
               ? store_step(cursor, DB_NEXT, row_out)
               : store_packs_move(cursor, false, row_out);
}

enum rc
store_cursor_prev(struct store_cursor *cursor, struct store_row *row_out)
{
    return cursor->table->packs == NULL
               ? store_step(cursor, DB_PREV, row_out)
               : store_packs_move(cursor, true, row_out);
}

void
store_cursors_free(struct store *store)
{
    struct store_cursor *cursor;

    while ((cursor = store->cursors_spare) != NULL) {
        store->cursors_spare = cursor->next;
        free(cursor->value);
        free(cursor);
    }
}
