/*
 * store_table.c - tables and their rows
 */
#include "saga/store_pack.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "saga/store_length.h"
#include "saga/store_mark.h"
#include "saga/store_page.h"
#include "saga/store_shelf.h"

/* What a row costs in the log beside its key and value, about. */
#define LOG_BYTES_PER_ROW 100

bool
store_name_is_table(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t bytes = strlen(name);

    return bytes > 0 && bytes < STORE_NAME_BYTES && name[0] != '.' &&
           strspn(name, letters) == bytes && strncmp(name, "log.", 4) != 0 &&
           strcmp(name, "lock") != 0 && strcmp(name, "old") != 0 &&
           strncmp(name, STORE_MARK_NAME, strlen(STORE_MARK_NAME)) != 0 &&
           strncmp(name, STORE_PAGES_NAME, strlen(STORE_PAGES_NAME)) != 0 &&
           strcmp(name, "DB_CONFIG") != 0;
}

static int
table_open_db(struct store *store, const char *name, DB **db_out)
{
    DB *db;
    u_int32_t flags = DB_CREATE | DB_THREAD;
    int error = db_create(&db, store->env, 0);

    if (error != 0)
        return error;
    if (store->transaction == NULL)
        flags |= DB_AUTO_COMMIT;
    error = db->set_flags(db, DB_CHKSUM);
    if (error == 0)
        error = db->set_pagesize(db, STORE_PAGE_BYTES);
    if (error == 0)
        error = db->open(db, store->transaction, name, NULL, DB_BTREE, flags,
                         0600);
    if (error == 0)
        *db_out = db;
    else
        db->close(db, DB_NOSYNC);
    return error;
}

uint32_t
store_table_pages(const struct store_table *table)
{
    DB_MPOOLFILE *file = table->db->get_mpf(table->db);
    db_pgno_t last;

    /* It can't fail for a table that is open. */
    invariant(file->get_last_pgno(file, &last) == 0);
    return last + 1;
}

static void
table_note_pages(struct store_table *table)
{
    atomic_store(&table->pages, store_table_pages(table));
}

void
store_tables_note_pages(struct store *store)
{
    struct store_table *table;

    for (table = store->tables; table != NULL; table = table->next) {
        if (table->put)
            table_note_pages(table);
        table->put = false;
    }
}

static void
table_add(struct store *store, struct store_table *table)
{
    DB_MPOOLFILE *file = table->db->get_mpf(table->db);

    if (file->get_fileid(file, table->id) == 0 && store->transaction == NULL)
        table_note_pages(table);
    pthread_mutex_lock(&store->tables_mutex);
    table->next = store->tables;
    store->tables = table;
    store->table_count++;
    pthread_mutex_unlock(&store->tables_mutex);
}

static void
table_take_out(struct store *store, const struct store_table *table)
{
    struct store_table **link;

    pthread_mutex_lock(&store->tables_mutex);
    for (link = &store->tables; *link != table; link = &(*link)->next)
        invariant(*link != NULL);
    *link = table->next;
    store->table_count--;
    pthread_mutex_unlock(&store->tables_mutex);
}

enum rc
store_table_open(struct store *store, const char *name,
                 struct store_table **table_out)
{
    struct store_table *table;
    int error;

    invariant(store_name_is_table(name));
    if (store->table_count == STORE_TABLES_MAX)
        return RC_FULL;
    table = calloc(1, sizeof *table);
    if (table == NULL)
        return store_failed(store, ENOMEM, "table_open", name);
    error = table_open_db(store, name, &table->db);
    if (error != 0) {
        free(table);
        store->transaction_doomed = store->transaction != NULL;
        if (error == EINVAL) /* not a table, or its first page is damaged */
            return store_failed_as(store, RC_DAMAGED, error, "table_open",
                                   name);
        return store_failed(store, error, "table_open", name);
    }
    snprintf(table->name, sizeof table->name, "%s", name);
    table->store = store;
    table_add(store, table);
    atomic_store(&store->log_moved, true);
    store->commits_unflushed++; /* that it was created, too, wants a flush */
    *table_out = table;
    return RC_OK;
}

enum rc
store_table_open_packed(struct store *store, const char *name,
                        struct store_table **table_out)
{
    struct store_table *table = NULL;
    enum rc rc = store_table_open(store, name, &table);

    if (rc == RC_OK)
        rc = store_packs_open(table);
    if (rc == RC_OK)
        *table_out = table;
    return rc;
}

enum rc
store_table_close(struct store_table **table_p)
{
    struct store_table *table = *table_p;
    struct store *store = table->store;
    enum rc rc = RC_OK;
    int error;

    invariant(table->cursors == 0);
    if (table->packs != NULL) {
        rc = store_packs_write(table);
        store_packs_close(table);
    }
    table_take_out(store, table);
    error = table->db->close(table->db, DB_NOSYNC); /* the log has it all */
    if (error != 0 && rc == RC_OK)
        rc = store_failed(store, error, "table_close", table->name);
    free(table);
    *table_p = NULL;
    return rc;
}

void
store_abandon(struct store *store)
{
    struct store_table *table;

    while ((table = store->tables) != NULL) {
        store->tables = table->next;
        if (table->packs != NULL)
            store_packs_close(table);
        free(table);
    }
    store->env = NULL;
}

enum rc
store_table_remove(struct store *store, const char *name)
{
    char path[PATH_MAX + STORE_NAME_BYTES];
    struct stat status;
    int error;

    invariant(store->transaction != NULL);
    invariant(store_name_is_table(name));
    invariant(store->table_stays == NULL || !store->table_stays(name));
    snprintf(path, sizeof path, "%s/%s", store->directory, name);
    if (stat(path, &status) != 0 && errno == ENOENT)
        return RC_NOT_FOUND;
    store_shelf_link_table(store->directory, name);
    store->transaction_removes = true;
    error = store->env->dbremove(store->env, store->transaction, name, NULL,
                                 0);
    return error == 0 ? RC_OK
                      : store_write_failed(store, error, "table_remove", name);
}

enum rc
store_table_verify(struct store *store, const char *name)
{
    char path[PATH_MAX + STORE_NAME_BYTES];
    DB *db;
    int error;

    snprintf(path, sizeof path, "%s/%s", store->directory, name);
    if (access(path, F_OK) != 0)
        return RC_NOT_FOUND;
    error = db_create(&db, store->env, 0);
    store_page_zeros_allow(false);
    if (error == 0)
        error = db->verify(db, name, NULL, NULL, 0); /* the handle is gone */
    store_page_zeros_refuse();
    if (error == 0)
        return RC_OK;
    return error == EIO ? store_failed(store, error, "verify", name)
                        : store_failed_as(store, RC_DAMAGED, error, "verify",
                                          name);
}

/* The library's descriptor of bytes that it only reads. */
static DBT
dbt_of(const void *data, size_t bytes)
{
    return (DBT){ .data = (void *)(uintptr_t)data, .size = (u_int32_t)bytes };
}

enum rc
store_row_get(struct store_table *table, const void *key, size_t key_bytes,
              void *value, size_t value_max, size_t *bytes_out)
{
    struct store *store = table->store;
    DBT wanted = dbt_of(key, key_bytes);
    DBT found = { .data = value,
                  .ulen = value_max < UINT32_MAX ? (u_int32_t)value_max
                                                 : UINT32_MAX,
                  .flags = DB_DBT_USERMEM };
    int error =
        table->db->get(table->db, store->transaction, &wanted, &found, 0);

    if (error == DB_NOTFOUND)
        return RC_NOT_FOUND;
    *bytes_out = found.size;
    if (error == DB_BUFFER_SMALL)
        return RC_FULL;
    return error == 0 ? RC_OK : store_failed(store, error, "get", table->name);
}

enum rc
store_get(struct store_table *table, const void *key, size_t key_bytes,
          void *value, size_t value_max, size_t *bytes_out)
{
    return table->packs == NULL
               ? store_row_get(table, key, key_bytes, value, value_max,
                               bytes_out)
               : store_packs_get(table, key, key_bytes, value, value_max,
                                 bytes_out);
}

/* ---- appending --------------------------------------------------------- */

/*
 * The library goes straight to the last page for a key that is above all
 * others, but only in a put that may overwrite.  So each table remembers a
 * bound: a put above it meets no key, and need not ask for that.  The bound
 * may be too high (rows are deleted, transactions aborted), never too low.
 */

static bool
key_is_above(const struct store_table *table, const void *key,
             size_t key_bytes)
{
    size_t common = key_bytes < table->last_bytes ? key_bytes
                                                  : table->last_bytes;
    int order = memcmp(key, table->last, common);

    return order > 0 || (order == 0 && key_bytes > table->last_bytes);
}

static void
key_note(struct store_table *table, const void *key, size_t key_bytes)
{
    if (!table->last_known || !key_is_above(table, key, key_bytes))
        return;
    memcpy(table->last, key, key_bytes);
    table->last_bytes = key_bytes;
}

static enum rc
last_key_read(struct store_table *table)
{
    struct store_cursor *cursor;
    struct store_row row = { .key_bytes = 0 };
    enum rc rc = store_cursor_open(table, &cursor);

    if (rc != RC_OK)
        return rc;
    rc = store_cursor_last(cursor, &row);
    if (rc == RC_OK)
        memcpy(table->last, row.key, row.key_bytes);
    store_cursor_close(&cursor);
    if (rc != RC_OK && rc != RC_NOT_FOUND)
        return rc;
    table->last_bytes = row.key_bytes;
    table->last_known = true;
    return RC_OK;
}

/* ---- writing ----------------------------------------------------------- */

static enum rc
row_put(struct store_table *table, const void *key, size_t key_bytes,
        const void *value, size_t bytes, u_int32_t flags)
{
    struct store *store = table->store;
    DBT key_dbt = dbt_of(key, key_bytes), value_dbt = dbt_of(value, bytes);
    int error;

    invariant(store->transaction != NULL);
    invariant(key_bytes <= STORE_KEY_BYTES_MAX);
    invariant(bytes <= STORE_VALUE_BYTES_MAX);
    store->put_bytes += key_bytes + bytes + LOG_BYTES_PER_ROW;
    table->put = true;
    error = table->db->put(table->db, store->transaction, &key_dbt, &value_dbt,
                           flags);
    if (error == 0) {
        key_note(table, key, key_bytes);
        return RC_OK;
    }
    return error == DB_KEYEXIST
               ? RC_EXISTS
               : store_write_failed(store, error, "put", table->name);
}

enum rc
store_row_put(struct store_table *table, const void *key, size_t key_bytes,
              const void *value, size_t bytes)
{
    return row_put(table, key, key_bytes, value, bytes, 0);
}

enum rc
store_put(struct store_table *table, const void *key, size_t key_bytes,
          const void *value, size_t bytes)
{
    if (table->packs == NULL)
        return store_row_put(table, key, key_bytes, value, bytes);
    invariant(bytes > 0);
    return store_packs_put(table, key, key_bytes, value, bytes, false);
}

enum rc
store_put_new(struct store_table *table, const void *key, size_t key_bytes,
              const void *value, size_t bytes)
{
    enum rc rc = RC_OK;

    invariant(key_bytes <= STORE_KEY_BYTES_MAX);
    if (table->packs != NULL) {
        invariant(bytes > 0);
        return store_packs_put(table, key, key_bytes, value, bytes, true);
    }
    if (!table->last_known)
        rc = last_key_read(table);
    if (rc != RC_OK)
        return rc;
    return row_put(table, key, key_bytes, value, bytes,
                   key_is_above(table, key, key_bytes) ? 0 : DB_NOOVERWRITE);
}

enum rc
store_row_delete(struct store_table *table, const void *key, size_t key_bytes)
{
    struct store *store = table->store;
    DBT key_dbt = dbt_of(key, key_bytes);
    int error;

    invariant(store->transaction != NULL);
    store->put_bytes += key_bytes + LOG_BYTES_PER_ROW;
    error = table->db->del(table->db, store->transaction, &key_dbt, 0);
    if (error == 0)
        return RC_OK;
    return error == DB_NOTFOUND
               ? RC_NOT_FOUND
               : store_write_failed(store, error, "delete", table->name);
}

enum rc
store_delete(struct store_table *table, const void *key, size_t key_bytes)
{
    return table->packs == NULL
               ? store_row_delete(table, key, key_bytes)
               : store_packs_put(table, key, key_bytes, "", 0, false);
}
