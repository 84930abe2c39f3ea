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
 * db_env_set_func_pwrite(), _write(), _ftruncate() and so on replace (with -1
 * and errno).  A fault test sets them before store_open(), in its own process,
 * to return ENOSPC or EIO or to stop writing at a chosen call; those of pread,
 * fsync, rename, unlink, open, dirlist are ours (store_page.c, store_sync.c,
 * ...), and a test that wants syncs to fail brings fdatasync() itself.  The
 * only other effects on the directory are those of store_upkeep.c, store_mark.c
 * and store_length.c.
 */
#include "saga/store_pack.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "saga/daemon.h"
#include "saga/log.h"
#include "saga/store_file.h"
#include "saga/store_length.h"
#include "saga/store_mark.h"
#include "saga/store_names.h"
#include "saga/store_page.h"
#include "saga/store_rename.h"
#include "saga/store_shelf.h"
#include "saga/store_spare.h"
#include "saga/store_sync.h"
#include "saga/store_unsynced.h"

#define CACHE_BYTES_MIN (1u << 20)
#define LOG_BUFFER_BYTES (1u << 20)
/* A log file is a quarter of what lies between two checkpoints, so 16 MB by
 * default.  Recovery zeroes the rest of the last one in writes of 4 KiB: 64 MB
 * would cost each restart, and room on a small disk, for four processes. */
#define LOG_FILE_BYTES_MIN (4u << 20)
#define LOG_FILE_BYTES_MAX (64u << 20)
#define LOG_FILES_PER_CHECKPOINT 4
/* The thread is woken each time this share of checkpoint_bytes was put; it
 * then asks for the true log position.  The log is up to 2.7 times the rows. */
#define WAKES_PER_CHECKPOINT 8
/* Checkpoints write 16 pages, then rest 1 ms, lest they starve the flushes. */
#define PAGES_PER_BURST 16
#define BURST_REST_US 1000

_Static_assert(LOG_BUFFER_BYTES * 4 <= LOG_FILE_BYTES_MIN,
               "Berkeley DB wants a log file of four buffers at least");

/* ---- the store --------------------------------------------------------- */

static int
environment_configure(struct store *store, uint64_t cache_bytes)
{
    DB_ENV *env = store->env;
    int error;

    env->app_private = store;
    env->set_errcall(env, store_on_library_words);
    if ((error = env->set_event_notify(env, store_on_library_event)) != 0 ||
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
environment_open(struct store *store, const struct store_config *config)
{
    u_int32_t recover = config->copied ? DB_RECOVER_FATAL : DB_RECOVER;
    int error = store_sync_install();
    enum rc rc = RC_OK;

    if (error == 0)
        error = store_rename_install();
    if (error == 0)
        error = store_spare_install();
    if (error == 0)
        error = store_names_install();
    if (error == 0)
        error = store_shelf_install();
    if (error == 0)
        error = store_page_install();
    if (error == 0)
        error = db_env_create(&store->env, 0);
    if (error != 0)
        return store_failed(store, error, "env_create", "-");
    error = environment_configure(store, config->cache_bytes);
    if (error != 0)
        return store_failed(store, error, "env_configure", "-");
    store_page_zeros_allow(true);
    error = store->env->open(store->env, store->directory,
                             DB_CREATE | recover | DB_PRIVATE | DB_THREAD |
                                 DB_INIT_TXN | DB_INIT_LOG | DB_INIT_MPOOL,
                             0600);
    if (error == 0)
        rc = store_page_zeros_look(store->directory, &store->lengths);
    store_page_zeros_refuse();
    if (error == EINVAL)
        return store_failed_as(store, RC_DAMAGED, error, "env_open", "-");
    return error == 0 ? rc : store_failed(store, error, "env_open", "-");
}

static enum rc
environment_close(struct store *store)
{
    int error = store->env != NULL ? store->env->close(store->env, 0) : 0;

    store->env = NULL;
    return error == 0 ? RC_OK : store_failed(store, error, "env_close", "-");
}

static uint32_t
log_file_bytes(uint64_t checkpoint_bytes)
{
    uint64_t bytes = checkpoint_bytes / LOG_FILES_PER_CHECKPOINT;

    if (bytes < LOG_FILE_BYTES_MIN)
        return LOG_FILE_BYTES_MIN;
    return bytes < LOG_FILE_BYTES_MAX ? (uint32_t)bytes : LOG_FILE_BYTES_MAX;
}

/* RC_DAMAGED if recovery lost a part of the log that was on disk. */
static enum rc
log_compare_mark(struct store *store)
{
    uint64_t end = 0, mark = 0;
    enum rc rc = store_log_end(store, &end);
    enum rc mark_rc = store_mark_read(store->directory, &mark);

    if (rc != RC_OK || mark_rc == RC_NOT_FOUND ||
        (mark_rc == RC_OK && mark <= end))
        return rc;
    if (mark_rc == RC_IO)
        return mark_rc;
    log_error("store_failed", "rc=damaged operation=open words=\"the log ends "
              "before its mark\" log_end=%llu mark=%llu mark_read=%s "
              "directory=%s", (unsigned long long)end,
              (unsigned long long)mark, rc_name(mark_rc),
              log_quote(store->directory));
    return RC_DAMAGED;
}

bool
store_table_stays(const char *name)
{
    (void)name;
    return true;
}

/* What table_pages and the first pages tell, when recovery has ended. */
static enum rc
tables_check(struct store *store)
{
    const struct store_lengths *lengths = &store->lengths;
    enum rc rc = store_lengths_check(store->directory);
    size_t i;

    if (rc == RC_OK)
        rc = store_lengths_missing(store->directory, lengths,
                                   store->table_stays);
    for (i = 0; i < lengths->count && rc == RC_OK; i++) {
        if (lengths->items[i].pages < STORE_PAGES_SHORT_LATER)
            continue;
        rc = store_table_verify(store, lengths->items[i].name);
        if (rc == RC_NOT_FOUND) /* recovery has removed it */
            rc = RC_OK;
    }
    return rc;
}

static enum rc
store_start(struct store *store, const struct store_config *config,
            bool *created_out)
{
    enum rc rc = store_unsynced_mend(store->directory);

    if (rc == RC_OK)
        rc = store_directory_look(store, created_out);
    if (rc == RC_OK)
        rc = store_lengths_compare(store->directory, &store->lengths);
    if (rc == RC_OK)
        rc = store_spare_begin(store->directory);
    if (rc == RC_OK) {
        rc = environment_open(store, config);
        if (rc == RC_OK)
            store_spare_end(store->directory);
    }
    if (rc == RC_OK)
        rc = log_compare_mark(store);
    if (rc == RC_OK)
        rc = tables_check(store);
    if (rc == RC_OK)
        rc = store_sync_check(store, "open");
    if (rc == RC_OK)
        rc = store_shelf_open(store->directory);
    if (rc == RC_OK)
        rc = store_upkeep_start(&store->upkeep, config, store->log_file_bytes,
                                &store_upkeep_asks, store);
    return rc;
}

enum rc
store_open(struct store **store_out, const struct store_config *config,
           bool *created_out)
{
    struct store *store = calloc(1, sizeof *store);
    int failed;
    enum rc rc;

    invariant(config->cache_bytes >= CACHE_BYTES_MIN);
    invariant(strlen(config->directory) < sizeof store->directory);
    if (store == NULL)
        return RC_IO;
    snprintf(store->directory, sizeof store->directory, "%s",
             config->directory);
    store->table_stays = config->table_stays;
    store->log_file_bytes = log_file_bytes(config->checkpoint_bytes);
    store->put_bytes_wake = config->checkpoint_bytes / WAKES_PER_CHECKPOINT;
    failed = pthread_mutex_init(&store->tables_mutex, NULL);
    invariant(!failed);
    store_sync_join(store);
    store->opening = true;
    rc = store_start(store, config, created_out);
    store->opening = false;
    if (rc != RC_OK) {
        if (environment_close(store) != RC_OK)
            store_words_forget();
        store_sync_leave(store);
        pthread_mutex_destroy(&store->tables_mutex);
        free(store->lengths.items);
        free(store);
        return rc;
    }
    if (*store_words() != '\0')
        log_warning("store_recovery_said", "words=%s directory=%s",
                    log_quote(store_words()), log_quote(store->directory));
    store_words_forget();
    *store_out = store;
    return RC_OK;
}

/*
 * Closes tables and environment, which writes what is still dirty.  Only after
 * a checkpoint: the library closes its log first, and if the end of that can't
 * be written it writes the pages all the same, which are then ahead of the log.
 */
static enum rc
environment_finish(struct store *store)
{
    struct store_table *table;
    enum rc rc = RC_OK, close_rc;

    while ((table = store->tables) != NULL) {
        close_rc = store_table_close(&table);
        rc = rc == RC_OK ? close_rc : rc;
    }
    close_rc = environment_close(store);
    return rc == RC_OK ? close_rc : rc;
}

enum rc
store_close(struct store **store_p)
{
    struct store *store = *store_p;
    enum rc rc;

    if (store == NULL)
        return RC_OK;
    invariant(store->transaction == NULL);
    store_upkeep_stop(&store->upkeep);
    rc = store->flush_failed ? RC_IO : store_checkpoint_last(store);
    if (rc == RC_OK)
        rc = environment_finish(store);
    else
        store_abandon(store);
    store_shelf_drop_blanks(store->directory);
    store_cursors_free(store);
    store_sync_leave(store);
    pthread_mutex_destroy(&store->tables_mutex);
    free(store->lengths.items);
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
    return store_failed(store, error, "begin", "-");
}

/* The transaction is over; takes its handle. */
static DB_TXN *
transaction_end(struct store *store)
{
    DB_TXN *transaction = store->transaction;

    invariant(store->transaction_cursors == 0);
    store->transaction = NULL;
    store->transaction_doomed = false;
    atomic_store_explicit(&store->log_moved, true, memory_order_release);
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
    enum rc rc = store_packs_write_all(store);

    if (rc != RC_OK) {
        store_abort(store);
        return rc;
    }
    invariant(store->transaction != NULL);
    invariant(!store->transaction_doomed);
    store->commits_unflushed++;
    store->stats.commits++;
    transaction = store->transaction;
    error = transaction->commit(transaction, DB_TXN_NOSYNC);
    transaction_end(store);
    if (error == 0)
        store_tables_note_pages(store);
    else
        store_packs_forget_all(store); /* the library has aborted it */
    if (error != 0 && store->transaction_removes)
        store_shelf_unlink_tables(store->directory);
    store->transaction_removes = false;
    return error == 0 ? RC_OK : store_failed(store, error, "commit", "-");
}

void
store_abort(struct store *store)
{
    DB_TXN *transaction;
    int error;

    if (store->transaction == NULL)
        return;
    store_packs_forget_all(store);
    transaction = transaction_end(store);
    error = transaction->abort(transaction);
    if (store->transaction_removes)
        store_shelf_unlink_tables(store->directory);
    store->transaction_removes = false;
    if (error != 0)
        store_failed(store, error, "abort", "-");
}

enum rc
store_flush(struct store *store)
{
    int64_t start_us;
    uint64_t took_us;
    enum rc rc;
    int error;

    if (store->flush_failed)
        return RC_IO;
    if (store->commits_unflushed == 0)
        return RC_OK;
    start_us = clock_monotonic_us();
    error = store->env->log_flush(store->env, NULL);
    rc = error == 0 ? store_sync_check(store, "flush")
                    : store_failed(store, error, "flush", "-");
    if (rc != RC_OK) {
        store->flush_failed = true;
        return rc;
    }
    store->commits_unflushed = 0;
    took_us = (uint64_t)(clock_monotonic_us() - start_us);
    store->stats.flushes++;
    store->stats.flush_us_total += took_us;
    store->stats.flush_us_last = took_us;
    if (took_us > store->stats.flush_us_max)
        store->stats.flush_us_max = took_us;
    histogram_note(&store->stats.flush_us, histogram_us_bounds, took_us);
    return RC_OK;
}
