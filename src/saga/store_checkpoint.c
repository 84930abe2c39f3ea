/*
 * store_checkpoint.c - checkpoints, and what is written down of each
 *
 * In the upkeep's thread, but for the last one.
 */
#include "saga/store_db.h"

#include <stdlib.h>
#include <string.h>

#include "saga/store_length.h"
#include "saga/store_mark.h"
#include "saga/store_sync.h"

enum rc
store_log_end(struct store *store, uint64_t *end_out)
{
    DB_LOG_STAT *stat;
    int error = store->env->log_stat(store->env, &stat, 0);

    if (error != 0)
        return store_failed(store, error, "log_stat", "-");
    *end_out = (uint64_t)stat->st_cur_file << 32 | stat->st_cur_offset;
    free(stat);
    return RC_OK;
}

static enum rc
log_position(void *environment, uint64_t *position_out)
{
    struct store *store = environment;
    enum rc rc = store_log_end(store, position_out);

    if (rc == RC_OK)
        *position_out = (*position_out >> 32) * store->log_file_bytes +
                        (*position_out & UINT32_MAX);
    return rc;
}

/* Without memory nothing is known of this checkpoint. */
static void
lengths_take(struct store *store, struct store_lengths *lengths_out)
{
    const struct store_table *table;
    struct store_length *length;
    size_t room;

    *lengths_out = (struct store_lengths){ .count = 0 };
    pthread_mutex_lock(&store->tables_mutex);
    room = store->table_count + store->lengths.count;
    if (room > 0)
        lengths_out->items = calloc(room, sizeof lengths_out->items[0]);
    for (table = store->tables; table != NULL && lengths_out->items != NULL;
         table = table->next) {
        length = &lengths_out->items[lengths_out->count];
        length->pages = atomic_load(&table->pages);
        if (length->pages == 0)
            continue;
        memcpy(length->name, table->name, sizeof length->name);
        memcpy(length->id, table->id, sizeof length->id);
        lengths_out->count++;
    }
    pthread_mutex_unlock(&store->tables_mutex);
    if (lengths_out->items != NULL)
        store_lengths_keep(store->directory, lengths_out, &store->lengths);
}

/*
 * Forced, because the library takes a log for quiet that was written to while
 * its last checkpoint ran; transaction_end() tells better.  When it is written,
 * all of the log before it is on disk, and so are the pages that committed
 * tables had before it: those are its marks.
 */
static enum rc
checkpoint_force(struct store *store)
{
    struct store_lengths lengths;
    uint64_t end = 0;
    enum rc rc = store_log_end(store, &end);
    int error;

    if (rc != RC_OK)
        return rc;
    lengths_take(store, &lengths);
    error = store->env->txn_checkpoint(store->env, 0, 0, DB_FORCE);
    rc = error == 0 ? store_sync_check(store, "checkpoint")
                    : store_failed(store, error, "checkpoint", "-");
    if (rc == RC_OK) {
        store_mark_write(store->directory, end);
        store_lengths_write(store->directory, &lengths);
    }
    free(lengths.items);
    return rc;
}

static enum rc
checkpoint(void *environment)
{
    struct store *store = environment;
    enum rc rc;

    if (!atomic_exchange(&store->log_moved, false))
        return RC_NOT_FOUND;
    rc = checkpoint_force(store);
    if (rc != RC_OK)
        atomic_store(&store->log_moved, true);
    return rc;
}

static enum rc
logs_obsolete(void *environment, char ***paths_out)
{
    struct store *store = environment;
    int error = store->env->log_archive(store->env, paths_out, DB_ARCH_ABS);

    return error == 0 ? RC_OK : store_failed(store, error, "log_archive", "-");
}

const struct store_upkeep_asks store_upkeep_asks = {
    .log_position = log_position,
    .checkpoint = checkpoint,
    .logs_obsolete = logs_obsolete,
    .backup = store_backup_write,
};

enum rc
store_checkpoint_last(struct store *store)
{
    int error = store->env->set_mp_max_write(store->env, 0, 0);

    if (error != 0)
        return store_failed(store, error, "checkpoint", "-");
    return checkpoint_force(store);
}

void
store_checkpoint(struct store *store)
{
    invariant(store->transaction == NULL);
    store_upkeep_checkpoint(store->upkeep);
}
