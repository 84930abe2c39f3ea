/*
 * store.c - the store over Berkeley DB 5.3, in one private environment
 *
 * The choices, each measured: no locking subsystem, because one thread touches
 * tables (an open cursor and a put would otherwise wait for each other for
 * ever); a private environment, so that nothing stale outlives a kill; commits
 * without sync and one log_flush() per turn; 4 KiB pages with checksums (a
 * page is one block of the file system, so it tears seldom and is found out).
 *
 * Faults: every system call of the library passes through the pointers that
 * db_env_set_func_pwrite(), _write(), _fsync(), _ftruncate(), _unlink() and so
 * on replace.  A fault test sets them before store_open(), in its own process,
 * to return ENOSPC or EIO or to stop writing at a chosen call.  The only other
 * effects on the directory are those of store_upkeep.c.
 */
#include "saga/store.h"

#include <db.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "saga/daemon.h"
#include "saga/log.h"
#include "saga/store_upkeep.h"

#define PAGE_BYTES 4096u
#define CACHE_BYTES_MIN (1u << 20)
#define LOG_BUFFER_BYTES (1u << 20)
/* A log file is a quarter of what lies between two checkpoints: four of our
 * processes on a small disk then hold little, and removal has small steps. */
#define LOG_FILE_BYTES_MIN (4u << 20)
#define LOG_FILE_BYTES_MAX (64u << 20)
#define LOG_FILES_PER_CHECKPOINT 4
/* The thread is woken each time this share of checkpoint_bytes was put; it
 * then asks for the true log position.  The log is up to 2.7 times the rows. */
#define WAKES_PER_CHECKPOINT 8
#define LOG_BYTES_PER_ROW 100
/* Checkpoints write 16 pages, then rest 1 ms, lest they starve the flushes. */
#define PAGES_PER_BURST 16
#define BURST_REST_US 1000
#define CURSOR_VALUE_BYTES_MIN PAGE_BYTES
#define WORDS_BYTES 200

_Static_assert(LOG_BUFFER_BYTES * 4 <= LOG_FILE_BYTES_MIN,
               "Berkeley DB wants a log file of four buffers at least");

struct store {
    DB_ENV *env;
    DB_TXN *transaction;            /* the open one, or NULL               */
    bool transaction_doomed;        /* a write failed: it can only abort   */
    bool transaction_removes;       /* tables stand on the shelf           */
    bool flush_failed;              /* and is never tried again            */
    bool opening;
    uint32_t transaction_cursors;   /* open, within the transaction        */
    uint32_t table_count;
    uint32_t log_file_bytes;
    uint64_t commits_unflushed;
    uint64_t put_bytes;             /* since the upkeep was woken          */
    uint64_t put_bytes_wake;
    struct store_table *tables;
    struct store_cursor *cursors_spare;
    struct store_upkeep *upkeep;
    struct store_stats stats;
    _Atomic int panic_cause;        /* the error of the library's panic    */
    char directory[PATH_MAX];
};

struct store_table {
    DB *db;
    struct store *store;
    struct store_table *next;
    uint32_t cursors;
    char name[STORE_NAME_BYTES];
};

/* Closed cursors are kept and used again, with the memory they have grown. */
struct store_cursor {
    DBC *dbc;
    struct store_table *table;
    struct store_cursor *next;
    bool in_transaction;
    uint8_t *value;
    size_t value_max;
    uint8_t key[STORE_KEY_BYTES_MAX];
};

/* ---- failures ---------------------------------------------------------- */

/* What the library said in this thread since the last logged failure. */
static _Thread_local char library_words[WORDS_BYTES];

static void
on_library_words(const DB_ENV *env, const char *prefix, const char *words)
{
    size_t used = strlen(library_words);

    (void)env;
    (void)prefix;
    snprintf(library_words + used, sizeof library_words - used, "%s%s",
             used > 0 ? "; " : "", words);
}

static void
on_library_event(DB_ENV *env, u_int32_t event, void *info)
{
    struct store *store = env->app_private;
    int none = 0, cause = info != NULL ? *(int *)info : DB_RUNRECOVERY;

    if (event == DB_EVENT_PANIC &&
        atomic_compare_exchange_strong(&store->panic_cause, &none, cause))
        log_error("store_panic", "directory=%s cause=%s",
                  log_quote(store->directory), log_quote(db_strerror(cause)));
}

/* True if not even one more log file fits on the disk. */
static bool
disk_is_full(const struct store *store)
{
    struct statvfs disk;

    return statvfs(store->directory, &disk) == 0 &&
           (uint64_t)disk.f_bavail * disk.f_frsize < store->log_file_bytes;
}

/*
 * After a panic every call says DB_RUNRECOVERY; the first cause tells why.
 * Recovery on a full disk panics too, and nothing is damaged then.  A full
 * disk that made a *running* environment panic is RC_IO: it must end.
 */
static enum rc
rc_of_panic(const struct store *store)
{
    int cause = atomic_load(&store->panic_cause);

    if (store->opening && (cause == ENOSPC || disk_is_full(store)))
        return RC_NO_SPACE;
    return cause > 0 && cause != EINVAL ? RC_IO : RC_DAMAGED;
}

static enum rc
rc_of(const struct store *store, int error)
{
    switch (error) {
    case 0:
        return RC_OK;
    case DB_NOTFOUND:
        return RC_NOT_FOUND;
    case DB_KEYEXIST:
        return RC_EXISTS;
    case ENOSPC:
    case EDQUOT:
        return RC_NO_SPACE;
    case DB_RUNRECOVERY:
        return rc_of_panic(store);
    case DB_PAGE_NOTFOUND:
    case DB_VERIFY_BAD:
    case DB_OLD_VERSION:
        return RC_DAMAGED;
    default:
        return RC_IO;
    }
}

/* Logs a failure with the library's words, and says what it means. */
static enum rc
failed_as(const struct store *store, enum rc rc, int error,
          const char *operation, const char *table)
{
    log_error("store_failed",
              "rc=%s operation=%s table=%s error=%s words=%s directory=%s",
              rc_name(rc), operation, table, log_quote(db_strerror(error)),
              log_quote(library_words), log_quote(store->directory));
    library_words[0] = '\0';
    return rc;
}

static enum rc
failed(const struct store *store, int error, const char *operation,
       const char *table)
{
    return failed_as(store, rc_of(store, error), error, operation, table);
}

/* The same for what changes a table: the transaction can only be aborted. */
static enum rc
write_failed(struct store *store, int error, const char *operation,
             const char *table)
{
    store->transaction_doomed = true;
    return failed(store, error, operation, table);
}

/* ---- what the upkeep asks ---------------------------------------------- */

static enum rc
log_position(void *environment, uint64_t *position_out)
{
    struct store *store = environment;
    DB_LOG_STAT *stat;
    int error = store->env->log_stat(store->env, &stat, 0);

    if (error != 0)
        return failed(store, error, "log_stat", "-");
    *position_out = (uint64_t)stat->st_cur_file * store->log_file_bytes +
                    stat->st_cur_offset;
    free(stat);
    return RC_OK;
}

static enum rc
checkpoint(void *environment)
{
    struct store *store = environment;
    int error = store->env->txn_checkpoint(store->env, 0, 0, 0);

    return error == 0 ? RC_OK : failed(store, error, "checkpoint", "-");
}

static enum rc
logs_obsolete(void *environment, char ***paths_out)
{
    struct store *store = environment;
    int error = store->env->log_archive(store->env, paths_out, DB_ARCH_ABS);

    return error == 0 ? RC_OK : failed(store, error, "log_archive", "-");
}

static const struct store_upkeep_asks upkeep_asks = {
    .log_position = log_position,
    .checkpoint = checkpoint,
    .logs_obsolete = logs_obsolete,
};

/* ---- the store --------------------------------------------------------- */

/* Sees whether the directory is ours to open, and whether it was in use. */
static enum rc
directory_look(const struct store *store, bool *created_out)
{
    DIR *directory = opendir(store->directory);
    const struct dirent *entry;
    bool foreign = false;

    if (directory == NULL)
        return failed(store, errno, "opendir", "-");
    *created_out = true;
    while ((entry = readdir(directory)) != NULL) {
        if (strncmp(entry->d_name, "log.", 4) == 0)
            *created_out = false;
        if (strcmp(entry->d_name, "DB_CONFIG") == 0)
            foreign = true;
    }
    closedir(directory);
    if (!foreign)
        return RC_OK;
    log_error("store_failed", "rc=damaged operation=open words=\"a DB_CONFIG "
              "file is in the way\" directory=%s",
              log_quote(store->directory));
    return RC_DAMAGED;
}

static int
environment_configure(struct store *store, uint64_t cache_bytes)
{
    DB_ENV *env = store->env;
    int error;

    env->app_private = store;
    env->set_errcall(env, on_library_words);
    if ((error = env->set_event_notify(env, on_library_event)) != 0 ||
        (error = env->set_cachesize(env, (u_int32_t)(cache_bytes >> 30),
                                    (u_int32_t)(cache_bytes & 0x3fffffff),
                                    1)) != 0 ||
        (error = env->set_lg_bsize(env, LOG_BUFFER_BYTES)) != 0 ||
        (error = env->set_lg_max(env, store->log_file_bytes)) != 0 ||
        (error = env->set_mp_max_write(env, PAGES_PER_BURST,
                                       BURST_REST_US)) != 0)
        return error;
    return env->set_flags(env, DB_TXN_NOSYNC, 1);
}

static enum rc
environment_open(struct store *store, uint64_t cache_bytes)
{
    int error = db_env_create(&store->env, 0);

    if (error != 0)
        return failed(store, error, "env_create", "-");
    error = environment_configure(store, cache_bytes);
    if (error != 0)
        return failed(store, error, "env_configure", "-");
    error = store->env->open(store->env, store->directory,
                             DB_CREATE | DB_RECOVER | DB_PRIVATE | DB_THREAD |
                                 DB_INIT_TXN | DB_INIT_LOG | DB_INIT_MPOOL,
                             0600);
    if (error == EINVAL)
        return failed_as(store, RC_DAMAGED, error, "env_open", "-");
    return error == 0 ? RC_OK : failed(store, error, "env_open", "-");
}

static enum rc
environment_close(struct store *store)
{
    int error = store->env != NULL ? store->env->close(store->env, 0) : 0;

    store->env = NULL;
    return error == 0 ? RC_OK : failed(store, error, "env_close", "-");
}

static uint32_t
log_file_bytes(uint64_t checkpoint_bytes)
{
    uint64_t bytes = checkpoint_bytes / LOG_FILES_PER_CHECKPOINT;

    if (bytes < LOG_FILE_BYTES_MIN)
        return LOG_FILE_BYTES_MIN;
    return bytes < LOG_FILE_BYTES_MAX ? (uint32_t)bytes : LOG_FILE_BYTES_MAX;
}

static enum rc
store_start(struct store *store, const struct store_config *config,
            bool *created_out)
{
    enum rc rc = directory_look(store, created_out);

    if (rc == RC_OK)
        rc = environment_open(store, config->cache_bytes);
    if (rc == RC_OK)
        rc = store_shelf_open(store->directory);
    if (rc == RC_OK)
        rc = store_upkeep_start(&store->upkeep, config, &upkeep_asks, store);
    return rc;
}

enum rc
store_open(struct store **store_out, const struct store_config *config,
           bool *created_out)
{
    struct store *store = calloc(1, sizeof *store);
    enum rc rc;

    invariant(config->cache_bytes >= CACHE_BYTES_MIN);
    invariant(strlen(config->directory) < sizeof store->directory);
    if (store == NULL)
        return RC_IO;
    strcpy(store->directory, config->directory);
    store->log_file_bytes = log_file_bytes(config->checkpoint_bytes);
    store->put_bytes_wake = config->checkpoint_bytes / WAKES_PER_CHECKPOINT;
    store->opening = true;
    rc = store_start(store, config, created_out);
    store->opening = false;
    if (rc != RC_OK) {
        if (environment_close(store) != RC_OK)
            library_words[0] = '\0';
        free(store);
        return rc;
    }
    if (library_words[0] != '\0')
        log_warning("store_recovered", "words=%s directory=%s",
                    log_quote(library_words), log_quote(store->directory));
    library_words[0] = '\0';
    *store_out = store;
    return RC_OK;
}

/* Nobody waits for a flush any more: the last checkpoint takes no rests. */
static enum rc
checkpoint_last(struct store *store)
{
    int error = store->env->set_mp_max_write(store->env, 0, 0);

    if (error == 0)
        error = store->env->txn_checkpoint(store->env, 0, 0, DB_FORCE);
    return error == 0 ? RC_OK : failed(store, error, "checkpoint", "-");
}

enum rc
store_close(struct store **store_p)
{
    struct store *store = *store_p;
    struct store_cursor *cursor;
    struct store_table *table;
    enum rc rc, close_rc;

    if (store == NULL)
        return RC_OK;
    invariant(store->transaction == NULL);
    store_upkeep_stop(&store->upkeep);
    rc = checkpoint_last(store);
    while ((table = store->tables) != NULL) {
        close_rc = store_table_close(&table);
        rc = rc == RC_OK ? close_rc : rc;
    }
    close_rc = environment_close(store);
    rc = rc == RC_OK ? close_rc : rc;
    while ((cursor = store->cursors_spare) != NULL) {
        store->cursors_spare = cursor->next;
        free(cursor->value);
        free(cursor);
    }
    free(store);
    *store_p = NULL;
    return rc;
}

void
store_stats(const struct store *store, struct store_stats *stats_out)
{
    *stats_out = store->stats;
    stats_out->checkpoints = store_upkeep_checkpoints(store->upkeep);
    stats_out->logs_removed = store_upkeep_logs_removed(store->upkeep);
}

/* ---- transactions ------------------------------------------------------ */

enum rc
store_begin(struct store *store)
{
    int error;

    invariant(store->transaction == NULL);
    error = store->env->txn_begin(store->env, NULL, &store->transaction, 0);
    if (error == 0)
        return RC_OK;
    store->transaction = NULL;
    return failed(store, error, "begin", "-");
}

/* The transaction is over; takes its handle. */
static DB_TXN *
transaction_end(struct store *store)
{
    DB_TXN *transaction = store->transaction;

    invariant(store->transaction_cursors == 0);
    store->transaction = NULL;
    store->transaction_doomed = false;
    if (store->put_bytes >= store->put_bytes_wake ||
        store->transaction_removes) {
        store->put_bytes = 0;
        store_upkeep_wake(store->upkeep);
    }
    return transaction;
}

enum rc
store_commit(struct store *store)
{
    DB_TXN *transaction;
    int error;

    invariant(store->transaction != NULL);
    invariant(!store->transaction_doomed);
    store->commits_unflushed++;
    store->stats.commits++;
    transaction = store->transaction;
    error = transaction->commit(transaction, DB_TXN_NOSYNC);
    transaction_end(store);
    if (error != 0 && store->transaction_removes)
        store_shelf_unlink_tables(store->directory);
    store->transaction_removes = false;
    return error == 0 ? RC_OK : failed(store, error, "commit", "-");
}

void
store_abort(struct store *store)
{
    DB_TXN *transaction;
    int error;

    if (store->transaction == NULL)
        return;
    transaction = transaction_end(store);
    error = transaction->abort(transaction);
    if (store->transaction_removes)
        store_shelf_unlink_tables(store->directory);
    store->transaction_removes = false;
    if (error != 0)
        failed(store, error, "abort", "-");
}

enum rc
store_flush(struct store *store)
{
    int64_t start_us;
    uint64_t took_us;
    int error;

    if (store->flush_failed)
        return RC_IO;
    if (store->commits_unflushed == 0)
        return RC_OK;
    start_us = clock_monotonic_us();
    error = store->env->log_flush(store->env, NULL);
    if (error != 0) {
        store->flush_failed = true;
        return failed(store, error, "flush", "-");
    }
    store->commits_unflushed = 0;
    took_us = (uint64_t)(clock_monotonic_us() - start_us);
    store->stats.flushes++;
    store->stats.flush_us_total += took_us;
    if (took_us > store->stats.flush_us_max)
        store->stats.flush_us_max = took_us;
    return RC_OK;
}

/* ---- tables ------------------------------------------------------------ */

static bool
table_name_is_ours(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t bytes = strlen(name);

    return bytes > 0 && bytes < STORE_NAME_BYTES && name[0] != '.' &&
           strspn(name, letters) == bytes && strncmp(name, "log.", 4) != 0 &&
           strcmp(name, "lock") != 0 && strcmp(name, "old") != 0 &&
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
        error = db->set_pagesize(db, PAGE_BYTES);
    if (error == 0)
        error = db->open(db, store->transaction, name, NULL, DB_BTREE, flags,
                         0600);
    if (error == 0)
        *db_out = db;
    else
        db->close(db, DB_NOSYNC);
    return error;
}

enum rc
store_table_open(struct store *store, const char *name,
                 struct store_table **table_out)
{
    struct store_table *table;
    int error;

    invariant(table_name_is_ours(name));
    if (store->table_count == STORE_TABLES_MAX)
        return RC_FULL;
    table = calloc(1, sizeof *table);
    if (table == NULL)
        return failed(store, ENOMEM, "table_open", name);
    error = table_open_db(store, name, &table->db);
    if (error != 0) {
        free(table);
        store->transaction_doomed = store->transaction != NULL;
        if (error == EINVAL) /* not a table, or its first page is damaged */
            return failed_as(store, RC_DAMAGED, error, "table_open", name);
        return failed(store, error, "table_open", name);
    }
    strcpy(table->name, name);
    table->store = store;
    table->next = store->tables;
    store->tables = table;
    store->table_count++;
    store->commits_unflushed++; /* that it was created, too, wants a flush */
    *table_out = table;
    return RC_OK;
}

enum rc
store_table_close(struct store_table **table_p)
{
    struct store_table *table = *table_p, **link;
    struct store *store = table->store;
    enum rc rc = RC_OK;
    int error;

    invariant(table->cursors == 0);
    for (link = &store->tables; *link != table; link = &(*link)->next)
        invariant(*link != NULL);
    *link = table->next;
    store->table_count--;
    error = table->db->close(table->db, DB_NOSYNC); /* the log has it all */
    if (error != 0)
        rc = failed(store, error, "table_close", table->name);
    free(table);
    *table_p = NULL;
    return rc;
}

enum rc
store_table_remove(struct store *store, const char *name)
{
    char path[PATH_MAX + STORE_NAME_BYTES];
    struct stat status;
    int error;

    invariant(store->transaction != NULL);
    invariant(table_name_is_ours(name));
    snprintf(path, sizeof path, "%s/%s", store->directory, name);
    if (stat(path, &status) != 0 && errno == ENOENT)
        return RC_NOT_FOUND;
    store_shelf_link_table(store->directory, name);
    store->transaction_removes = true;
    error = store->env->dbremove(store->env, store->transaction, name, NULL,
                                 0);
    return error == 0 ? RC_OK
                      : write_failed(store, error, "table_remove", name);
}

/* ---- rows -------------------------------------------------------------- */

/* The library's descriptor of bytes that it only reads. */
static DBT
dbt_of(const void *data, size_t bytes)
{
    return (DBT){ .data = (void *)(uintptr_t)data, .size = (u_int32_t)bytes };
}

enum rc
store_get(struct store_table *table, const void *key, size_t key_bytes,
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
    return error == 0 ? RC_OK : failed(store, error, "get", table->name);
}

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
    error = table->db->put(table->db, store->transaction, &key_dbt, &value_dbt,
                           flags);
    if (error == 0)
        return RC_OK;
    return error == DB_KEYEXIST
               ? RC_EXISTS
               : write_failed(store, error, "put", table->name);
}

enum rc
store_put(struct store_table *table, const void *key, size_t key_bytes,
          const void *value, size_t bytes)
{
    return row_put(table, key, key_bytes, value, bytes, 0);
}

enum rc
store_put_new(struct store_table *table, const void *key, size_t key_bytes,
              const void *value, size_t bytes)
{
    return row_put(table, key, key_bytes, value, bytes, DB_NOOVERWRITE);
}

enum rc
store_delete(struct store_table *table, const void *key, size_t key_bytes)
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
               : write_failed(store, error, "delete", table->name);
}

/* ---- cursors ----------------------------------------------------------- */

static enum rc
cursor_grow(struct store_cursor *cursor, size_t bytes)
{
    size_t value_max = cursor->value_max;
    uint8_t *value;

    while (value_max < bytes)
        value_max *= 2;
    value = realloc(cursor->value, value_max);
    if (value == NULL)
        return failed(cursor->table->store, ENOMEM, "cursor",
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
    struct store_cursor *cursor = cursor_take_spare(store);
    int error = ENOMEM;

    if (cursor != NULL)
        error = table->db->cursor(table->db, store->transaction, &cursor->dbc,
                                  0);
    if (error != 0) {
        if (cursor != NULL) {
            cursor->next = store->cursors_spare;
            store->cursors_spare = cursor;
        }
        return failed(store, error, "cursor_open", table->name);
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
        failed(store, error, "cursor_close", cursor->table->name);
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
            return failed_as(store, RC_DAMAGED, error, "cursor",
                             cursor->table->name);
        if (cursor_grow(cursor, value.size) != RC_OK)
            return RC_IO;
    }
    if (error == DB_NOTFOUND)
        return RC_NOT_FOUND;
    if (error != 0)
        return failed(store, error, "cursor", cursor->table->name);
    *row_out = (struct store_row){ cursor->key, key.size, cursor->value,
                                   value.size };
    return RC_OK;
}

enum rc
store_cursor_seek(struct store_cursor *cursor, const void *key,
                  size_t key_bytes, struct store_row *row_out)
{
    uint8_t wanted[STORE_KEY_BYTES_MAX]; /* key may be the current row's */

    invariant(key_bytes <= sizeof wanted);
    memcpy(wanted, key, key_bytes);
    return cursor_step(cursor, wanted, key_bytes, DB_SET_RANGE, row_out);
}

enum rc
store_cursor_seek_back(struct store_cursor *cursor, const void *key,
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
        return store_cursor_last(cursor, row_out);
    if (error != 0)
        return failed(cursor->table->store, error, "cursor",
                      cursor->table->name);
    if (found.size == key_bytes && memcmp(cursor->key, wanted, key_bytes) == 0)
        return cursor_step(cursor, "", 0, DB_CURRENT, row_out);
    return store_cursor_prev(cursor, row_out);
}

enum rc
store_cursor_first(struct store_cursor *cursor, struct store_row *row_out)
{
    return cursor_step(cursor, "", 0, DB_FIRST, row_out);
}

enum rc
store_cursor_last(struct store_cursor *cursor, struct store_row *row_out)
{
    return cursor_step(cursor, "", 0, DB_LAST, row_out);
}

enum rc
store_cursor_next(struct store_cursor *cursor, struct store_row *row_out)
{
    return cursor_step(cursor, "", 0, DB_NEXT, row_out);
}

enum rc
store_cursor_prev(struct store_cursor *cursor, struct store_row *row_out)
{
    return cursor_step(cursor, "", 0, DB_PREV, row_out);
}
