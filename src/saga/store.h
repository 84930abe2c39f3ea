/*
 * store.h - one process's durable tables: Berkeley DB behind few functions
 *
 *   store        one directory, owned by one process (the caller holds its
 *                lock file, daemon.h), opened with recovery
 *   table        a sorted map of byte keys to byte values (a B-tree file)
 *   transaction  all or nothing; one at a time per store; everything between
 *                store_begin() and store_commit() belongs to it
 *   flush        the one fsync: what was committed before it is on disk
 *                after it.  Commit, flush, then speak.
 *
 * Thread rule: one thread owns the store and calls everything here.  A helper
 * thread inside (store_upkeep.c) writes checkpoints, paced, and removes old
 * log files slowly; it never touches a table.
 *
 * Failures: RC_NO_SPACE when the disk is full (a commit that says so has
 * aborted; after a write that says so, store_abort(); what was acknowledged is
 * intact); RC_DAMAGED when a page or log does not
 * verify; RC_IO for all else, and for a sync that failed, even for want of
 * space (store_sync.h).  After RC_IO or RC_DAMAGED from anything, or any
 * failure of store_flush(), the owner must end its process: never retry.
 * Each such failure is logged here, once, with the library's own words.
 *
 * Layer: store_db.h is the only file that includes db.h, and the store's own
 * files (store*.c) are the only ones that include it.
 */
#ifndef SAGA_STORE_H
#define SAGA_STORE_H

#include "saga/histogram.h"

#define STORE_KEY_BYTES_MAX 512
#define STORE_VALUE_BYTES_MAX (2u << 20)
#define STORE_PACKED_BYTES_MAX 96 /* of a value in a packed table */
#define STORE_TABLES_MAX 4096
#define STORE_NAME_BYTES 96

struct store;
struct store_table;
struct store_cursor;

struct store_config {
    const char *directory;        /* exists, is ours, mode 0700            */
    uint64_t cache_bytes;         /* page cache; 1 MiB at least            */
    uint64_t checkpoint_bytes;    /* of log between two checkpoints        */
    uint32_t checkpoint_ms;       /* and of time                           */
    bool copied; /* the directory is a copy (store_backup_start), fresh */
    /* True of tables that nobody ever removes: where one is missing, it was
     * lost.  NULL: of none. */
    bool (*table_stays)(const char *name);
};

/* For config->table_stays: of all. */
bool store_table_stays(const char *name);

/*
 * Opens the store and recovers it.  *created_out tells that it was empty.
 * RC_DAMAGED if recovery fails, if a table was cut or one that stays is
 * missing or another one, if something else stands in a file's place, or if a
 * foreign DB_CONFIG lies in the directory; RC_NO_SPACE, RC_IO.
 */
MUST_USE enum rc store_open(struct store **store_out,
                            const struct store_config *config,
                            bool *created_out);

/* Forces a checkpoint, then closes all tables.  No transaction may be open.
 * After a failed flush, or if the checkpoint fails, nothing more is written:
 * the store is left to recovery, and the process must end. */
MUST_USE enum rc store_close(struct store **store_p);

/*
 * Opens or creates a table.  name: a file name of [A-Za-z0-9._-].  With a
 * transaction open, the creation belongs to it (after an abort the handle
 * must be closed).  The handle is the store's; it lives until
 * store_table_close() or store_close().
 */
MUST_USE enum rc store_table_open(struct store *store, const char *name,
                                  struct store_table **table_out);

/*
 * The same for a table of small rows (1 to STORE_PACKED_BYTES_MAX octets) whose
 * keys are numbers that rise, as 8 octets, big-endian: several of them stand
 * in one row of the file (pack.h), which makes a row a fifth as dear.  What is
 * said here of tables holds, but a put tells of a full disk at the commit, or
 * later in the transaction.  A table is packed from its creation on, or never:
 * RC_DAMAGED.
 * At most one handle of it may be open.
 */
MUST_USE enum rc store_table_open_packed(struct store *store, const char *name,
                                         struct store_table **table_out);

/* How many pages the table's file has, as the open transaction leaves it. */
uint32_t store_table_pages(const struct store_table *table);

/* Closes the handle; no cursor may be open on it. */
MUST_USE enum rc store_table_close(struct store_table **table_p);

/* Removes a table's file inside the open transaction.  It is none that stays;
 * it must be closed, with nothing put to it in that transaction.  Disk space
 * comes back with the commit, before that is flushed: after a kill the file
 * may be gone and the rest of its transaction undone.  So flush before it what
 * tells that the table is not wanted, and remove it again after a start.
 * RC_NOT_FOUND. */
MUST_USE enum rc store_table_remove(struct store *store, const char *name);

/* Looks at every page of a table that is not open: RC_DAMAGED, logged, if they
 * are not one tree, after which the store may still be used; RC_NOT_FOUND.
 * What it has read is read again by who walks the table: about as long. */
MUST_USE enum rc store_table_verify(struct store *store, const char *name);

MUST_USE enum rc store_begin(struct store *store);
/* Commits without waiting for the disk. */
MUST_USE enum rc store_commit(struct store *store);
/* Undoes everything since store_begin(); nothing if no transaction is open.
 * After a write that failed for the world's sake, the only way to end it. */
void store_abort(struct store *store);
/* Waits until every commit before this call is on disk. */
MUST_USE enum rc store_flush(struct store *store);

/*
 * Waits for a checkpoint; for a store that was created and has its tables now.
 * From then on it is known how long their files must be, and one that was cut
 * is told (RC_DAMAGED of store_open()).  A full disk is no failure: then it is
 * known a little later.  No transaction may be open.
 */
void store_checkpoint(struct store *store);

/*
 * Reads the value of a key into value[0..value_max).  RC_NOT_FOUND; RC_FULL
 * if it has more bytes than that (*bytes_out then tells how many).  Works
 * with and without an open transaction.
 */
MUST_USE enum rc store_get(struct store_table *table, const void *key,
                           size_t key_bytes, void *value, size_t value_max,
                           size_t *bytes_out);

/* Writes, replacing.  Inside a transaction only (invariant), as below. */
MUST_USE enum rc store_put(struct store_table *table, const void *key,
                           size_t key_bytes, const void *value, size_t bytes);

/* Writes a new row; RC_EXISTS (and nothing changed) if the key is there. */
MUST_USE enum rc store_put_new(struct store_table *table, const void *key,
                               size_t key_bytes, const void *value,
                               size_t bytes);

/* RC_NOT_FOUND if there is no such row. */
MUST_USE enum rc store_delete(struct store_table *table, const void *key,
                              size_t key_bytes);

/*
 * A cursor walks a table in key order.  Open it, place it, read, close it
 * before the transaction it was opened in ends.  After each successful
 * placing call the current row is in key, key_bytes, value, bytes: memory of
 * the cursor's, valid until the next call on it.
 */
struct store_row {
    const uint8_t *key;
    size_t key_bytes;
    const uint8_t *value;
    size_t bytes;
};

MUST_USE enum rc store_cursor_open(struct store_table *table,
                                   struct store_cursor **cursor_out);
/* The first row whose key is >= key; RC_NOT_FOUND past the end. */
MUST_USE enum rc store_cursor_seek(struct store_cursor *cursor,
                                   const void *key, size_t key_bytes,
                                   struct store_row *row_out);
/* The last row whose key is <= key; RC_NOT_FOUND before the start. */
MUST_USE enum rc store_cursor_seek_back(struct store_cursor *cursor,
                                        const void *key, size_t key_bytes,
                                        struct store_row *row_out);
MUST_USE enum rc store_cursor_first(struct store_cursor *cursor,
                                    struct store_row *row_out);
MUST_USE enum rc store_cursor_last(struct store_cursor *cursor,
                                   struct store_row *row_out);
MUST_USE enum rc store_cursor_next(struct store_cursor *cursor,
                                   struct store_row *row_out);
MUST_USE enum rc store_cursor_prev(struct store_cursor *cursor,
                                   struct store_row *row_out);
void store_cursor_close(struct store_cursor **cursor_p);

/*
 * Starts a copy of the whole store into `directory`, which must not be there
 * yet, while this one goes on.  The upkeep
 * thread writes it; it holds every commit flushed before the call, and is
 * consistent.  Open it with config->copied.  It is not synced: syncfs() is the
 * caller's.  RC_BUSY while another is being made, RC_MALFORMED if the
 * directory's name is too long.
 */
MUST_USE enum rc store_backup_start(struct store *store,
                                    const char *directory);
/* RC_AGAIN while it is being made, then once its result: RC_OK, RC_EXISTS (the
 * directory is there), RC_REFUSED (the process can't write there),
 * RC_NO_SPACE, RC_IO (logged).  RC_NOT_FOUND if none was started. */
MUST_USE enum rc store_backup_poll(struct store *store);

/* Counters since opening, for metrics. */
struct store_stats {
    uint64_t commits;
    uint64_t flushes;
    uint64_t flush_us_total;
    uint64_t flush_us_max;
    uint64_t flush_us_last;
    struct histogram flush_us;
    uint64_t checkpoints;
    uint64_t logs_removed;
};
void store_stats(const struct store *store, struct store_stats *stats_out);

#endif
