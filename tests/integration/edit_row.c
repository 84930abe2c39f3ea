/*
 * edit_row.c - damages one row of a store that nobody has open, for tests
 *
 *   edit_row DIRECTORY TABLE first|last|KEY-IN-HEX flip OCTET | delete
 *
 * OCTET counts from the row's end if it is negative.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "saga/log.h"
#include "saga/store.h"

#define ROW_BYTES_MAX 65536

static size_t
read_hex(const char *text, uint8_t *bytes)
{
    size_t count = strlen(text) / 2;
    unsigned octet;

    for (size_t i = 0; i < count; i++) {
        if (sscanf(text + 2 * i, "%2x", &octet) != 1)
            die(EXIT_USAGE, "%s: no hex", text);
        bytes[i] = (uint8_t)octet;
    }
    return count;
}

static enum rc
find(struct store_cursor *cursor, const char *which, struct store_row *row)
{
    uint8_t key[STORE_KEY_BYTES_MAX];

    if (strcmp(which, "first") == 0)
        return store_cursor_first(cursor, row);
    if (strcmp(which, "last") == 0)
        return store_cursor_last(cursor, row);
    return store_cursor_seek(cursor, key, read_hex(which, key), row);
}

static enum rc
edit(struct store_table *table, char **argv)
{
    static uint8_t value[ROW_BYTES_MAX];
    uint8_t key[STORE_KEY_BYTES_MAX];
    struct store_cursor *cursor;
    struct store_row row;
    size_t key_bytes, bytes;
    long octet;
    enum rc rc = store_cursor_open(table, &cursor);

    if (rc == RC_OK)
        rc = find(cursor, argv[3], &row);
    if (rc != RC_OK || row.bytes > sizeof value)
        die(1, "no such row, or one that is too long");
    memcpy(key, row.key, key_bytes = row.key_bytes);
    memcpy(value, row.value, bytes = row.bytes);
    store_cursor_close(&cursor);
    if (strcmp(argv[4], "delete") == 0)
        return store_delete(table, key, key_bytes);
    octet = strtol(argv[5], NULL, 10);
    value[octet < 0 ? (long)bytes + octet : octet] ^= 1;
    return store_put(table, key, key_bytes, value, bytes);
}

/* As the table's owner does. */
static enum rc
open_table(struct store *store, const char *name, struct store_table **table)
{
    bool packed = strcmp(name, "orders") == 0 ||
                  strcmp(name, "payments") == 0 ||
                  strcmp(name, "transactions") == 0;

    return packed ? store_table_open_packed(store, name, table)
                  : store_table_open(store, name, table);
}

int
main(int argc, char **argv)
{
    struct store_config config = { .cache_bytes = 1 << 20,
                                   .checkpoint_bytes = 16 << 20,
                                   .checkpoint_ms = 3600000 };
    struct store_table *table;
    struct store *store;
    bool created;

    log_open("edit_row");
    if (argc < 5)
        die(EXIT_USAGE, "edit_row DIRECTORY TABLE KEY flip OCTET | delete");
    config.directory = argv[1];
    if (store_open(&store, &config, &created) != RC_OK ||
        open_table(store, argv[2], &table) != RC_OK ||
        store_begin(store) != RC_OK || edit(table, argv) != RC_OK ||
        store_commit(store) != RC_OK || store_flush(store) != RC_OK ||
        store_close(&store) != RC_OK)
        die(EXIT_SYSTEM, "it could not be edited");
    return 0;
}
