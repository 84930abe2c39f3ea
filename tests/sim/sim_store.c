#include "sim_disk.h"

#include <stdlib.h>
#include <string.h>

#include "sim.h"

/* ---- dying ------------------------------------------------------------ */

static bool
blown(struct store *store, bool at_end)
{
    struct sim_disk *disk = store->disk;

    if (store->looks)
        return false;
    if (disk->fuse > 0 && --disk->fuse == 0)
        return true;
    return at_end && disk->fuse_flush && sim_once_in(2);
}

static void
die_at(struct store *store, enum sim_cut cut)
{
    store->dead = true;
    store->disk->cut = cut;
    sim_note("killed at cut %d", (int)cut);
}

/* True if the process may go on with a read or a put. */
static bool
alive(struct store *store)
{
    if (!store->dead && blown(store, false))
        die_at(store, SIM_CUT_WITHIN);
    return !store->dead;
}

/* ---- store.h: the store ----------------------------------------------- */

bool
store_table_stays(const char *name)
{
    (void)name;
    return true;
}

enum rc
store_open(struct store **store_out, const struct store_config *config,
           bool *created_out)
{
    struct store *store = checked(calloc(1, sizeof *store));

    store->disk = disk_find(config->directory);
    invariant(store->disk->owner == NULL); /* the lock */
    store->disk->owner = store;
    *created_out = !store->disk->used;
    store->disk->used = true;
    disk_settle(store->disk);
    *store_out = store;
    return RC_OK;
}

struct store *
sim_disk_look(struct sim_disk *disk)
{
    struct store *store = checked(calloc(1, sizeof *store));

    store->disk = disk;
    store->looks = true;
    return store;
}

enum rc
store_close(struct store **store_p)
{
    struct store *store = *store_p;
    struct store_table *next;
    enum rc rc = store->dead ? RC_IO : RC_OK;

    *store_p = NULL;
    while (store->handles != NULL) {
        next = store->handles->next;
        free(store->handles);
        store->handles = next;
    }
    if (!store->looks) {
        invariant(store->dead || !store->disk->begun);
        if (!store->dead)
            disk_settle(store->disk);
        store->disk->owner = NULL;
    }
    free(store);
    return rc;
}

enum rc
store_table_open(struct store *store, const char *name,
                 struct store_table **table_out)
{
    struct table *table = table_find(store->disk, name);
    struct store_table *handle;

    if (!alive(store))
        return RC_IO;
    if (table == NULL && store->looks)
        return RC_NOT_FOUND;
    if (table == NULL) {
        table = table_new(name);
        table_attach(store->disk, table);
        disk_remember(store->disk, UNDO_CREATE, table, NULL, NULL);
        if (!store->disk->begun)
            disk_commit(store->disk);
    }
    handle = checked(calloc(1, sizeof *handle));
    *handle = (struct store_table){ store, table, store->handles };
    store->handles = handle;
    *table_out = handle;
    return RC_OK;
}

/* How rows stand in the file is nothing that a simulation sees. */
enum rc
store_table_open_packed(struct store *store, const char *name,
                        struct store_table **table_out)
{
    return store_table_open(store, name, table_out);
}

/* As of small rows: a file that grows and shrinks with them. */
uint32_t
store_table_pages(const struct store_table *handle)
{
    return 2 + (uint32_t)(handle->table->count / 4);
}

enum rc
store_table_close(struct store_table **table_p)
{
    struct store_table *handle = *table_p;
    struct store_table **link = &handle->store->handles;

    *table_p = NULL;
    while (*link != handle)
        link = &(*link)->next;
    *link = handle->next;
    free(handle);
    return RC_OK;
}

enum rc
store_table_remove(struct store *store, const char *name)
{
    struct table *table = table_find(store->disk, name);
    struct store_table *handle;

    invariant(store->dead || store->disk->begun);
    if (!alive(store))
        return RC_IO;
    if (table == NULL)
        return RC_NOT_FOUND;
    for (handle = store->handles; handle != NULL; handle = handle->next)
        invariant(handle->table != table);
    table_detach(store->disk, table);
    disk_remember(store->disk, UNDO_REMOVE, table, NULL, NULL);
    return RC_OK;
}

enum rc
store_begin(struct store *store)
{
    invariant(!store->disk->begun || store->dead);
    if (!alive(store))
        return RC_IO;
    store->disk->begun = true;
    return RC_OK;
}

enum rc
store_commit(struct store *store)
{
    struct sim_disk *disk = store->disk;
    bool last;

    if (store->dead)
        return RC_IO;
    invariant(disk->begun);
    store->stats.commits++;
    if (disk->full) {
        disk->full = false;
        store_abort(store);
        return RC_NO_SPACE;
    }
    last = blown(store, true);
    if (last && sim_once_in(2)) {
        die_at(store, SIM_CUT_BEFORE_COMMIT);
        return RC_IO;
    }
    disk_commit(disk);
    if (last)
        die_at(store, SIM_CUT_AFTER_COMMIT);
    return last ? RC_IO : RC_OK;
}

void
store_abort(struct store *store)
{
    if (store->dead || !store->disk->begun)
        return;
    disk_abort(store->disk);
}

enum rc
store_flush(struct store *store)
{
    bool last;

    if (store->dead)
        return RC_IO;
    invariant(!store->disk->begun);
    store->stats.flushes++;
    last = blown(store, true);
    if (last && sim_once_in(2)) {
        die_at(store, SIM_CUT_BEFORE_FLUSH);
        return RC_IO;
    }
    disk_settle(store->disk);
    if (last)
        die_at(store, SIM_CUT_AFTER_FLUSH);
    return last ? RC_IO : RC_OK;
}

/* ---- store.h: rows ---------------------------------------------------- */

enum rc
store_get(struct store_table *handle, const void *key, size_t key_bytes,
          void *value, size_t value_max, size_t *bytes_out)
{
    const struct table *table = handle->table;
    const struct row *row;
    bool found;
    size_t at;

    if (!alive(handle->store))
        return RC_IO;
    at = rows_find(table, key, key_bytes, &found);
    if (!found)
        return RC_NOT_FOUND;
    row = table->rows[at];
    *bytes_out = row->bytes;
    if (row->bytes > value_max)
        return RC_FULL;
    if (row->bytes > 0)
        memcpy(value, row->data + row->key_bytes, row->bytes);
    return RC_OK;
}

static void
replace(struct store_table *handle, const struct row *key, struct row *after)
{
    struct sim_disk *disk = handle->store->disk;
    struct row *before = rows_exchange(handle->table, key, after);

    invariant(disk->begun && !handle->store->looks);
    disk_remember(disk, UNDO_ROW, handle->table, before, after);
}

enum rc
store_put(struct store_table *handle, const void *key, size_t key_bytes,
          const void *value, size_t bytes)
{
    struct row *row;

    invariant(key_bytes <= STORE_KEY_BYTES_MAX &&
              bytes <= STORE_VALUE_BYTES_MAX);
    if (!alive(handle->store))
        return RC_IO;
    row = row_new(key, key_bytes, value, bytes);
    replace(handle, row, row);
    return RC_OK;
}

enum rc
store_put_new(struct store_table *handle, const void *key, size_t key_bytes,
              const void *value, size_t bytes)
{
    bool found;

    if (!alive(handle->store))
        return RC_IO;
    rows_find(handle->table, key, key_bytes, &found);
    return found ? RC_EXISTS
                 : store_put(handle, key, key_bytes, value, bytes);
}

enum rc
store_delete(struct store_table *handle, const void *key, size_t key_bytes)
{
    bool found;
    size_t at;

    if (!alive(handle->store))
        return RC_IO;
    at = rows_find(handle->table, key, key_bytes, &found);
    if (!found)
        return RC_NOT_FOUND;
    replace(handle, handle->table->rows[at], NULL);
    return RC_OK;
}

/* ---- store.h: cursors ------------------------------------------------- */

enum rc
store_cursor_open(struct store_table *handle, struct store_cursor **cursor_out)
{
    struct store_cursor *cursor;

    if (!alive(handle->store))
        return RC_IO;
    cursor = checked(malloc(sizeof *cursor));
    cursor->handle = handle;
    cursor->placed = false;
    *cursor_out = cursor;
    return RC_OK;
}

void
store_cursor_close(struct store_cursor **cursor_p)
{
    free(*cursor_p);
    *cursor_p = NULL;
}

static enum rc
place(struct store_cursor *cursor, size_t index, struct store_row *row_out)
{
    const struct table *table = cursor->handle->table;
    const struct row *row;

    if (!alive(cursor->handle->store))
        return RC_IO;
    if (index >= table->count)
        return RC_NOT_FOUND;
    row = table->rows[index];
    cursor->index = index;
    cursor->changes = table->changes;
    cursor->placed = true;
    cursor->key_bytes = row->key_bytes;
    memcpy(cursor->key, row->data, row->key_bytes);
    *row_out = (struct store_row){ row->data, row->key_bytes,
                                   row->data + row->key_bytes, row->bytes };
    return RC_OK;
}

enum rc
store_cursor_seek(struct store_cursor *cursor, const void *key,
                  size_t key_bytes, struct store_row *row_out)
{
    bool found;

    return place(cursor,
                 rows_find(cursor->handle->table, key, key_bytes, &found),
                 row_out);
}

enum rc
store_cursor_seek_back(struct store_cursor *cursor, const void *key,
                       size_t key_bytes, struct store_row *row_out)
{
    bool found;
    size_t at = rows_find(cursor->handle->table, key, key_bytes, &found);

    if (!found && at == 0)
        return alive(cursor->handle->store) ? RC_NOT_FOUND : RC_IO;
    return place(cursor, found ? at : at - 1, row_out);
}

enum rc
store_cursor_first(struct store_cursor *cursor, struct store_row *row_out)
{
    return place(cursor, 0, row_out);
}

enum rc
store_cursor_last(struct store_cursor *cursor, struct store_row *row_out)
{
    size_t count = cursor->handle->table->count;

    return place(cursor, count == 0 ? 0 : count - 1, row_out);
}

enum rc
store_cursor_next(struct store_cursor *cursor, struct store_row *row_out)
{
    bool found = true;
    size_t at = cursor->index;

    if (!cursor->placed)
        return place(cursor, 0, row_out);
    if (cursor->changes != cursor->handle->table->changes)
        at = rows_find(cursor->handle->table, cursor->key, cursor->key_bytes,
                       &found);
    return place(cursor, found ? at + 1 : at, row_out);
}

enum rc
store_cursor_prev(struct store_cursor *cursor, struct store_row *row_out)
{
    bool found;
    size_t at;

    if (!cursor->placed)
        return store_cursor_last(cursor, row_out);
    at = rows_find(cursor->handle->table, cursor->key, cursor->key_bytes,
                   &found);
    if (at == 0)
        return alive(cursor->handle->store) ? RC_NOT_FOUND : RC_IO;
    return place(cursor, at - 1, row_out);
}

void
store_stats(const struct store *store, struct store_stats *stats_out)
{
    *stats_out = store->stats;
}

/* Nothing here is cut. */
void
store_checkpoint(struct store *store)
{
    (void)store;
}

/* Nobody asks for a copy here: sim_disk_copy() makes them. */
enum rc
store_backup_start(struct store *store, const char *directory)
{
    (void)store;
    (void)directory;
    return RC_IO;
}

enum rc
store_backup_poll(struct store *store)
{
    (void)store;
    return RC_NOT_FOUND;
}
