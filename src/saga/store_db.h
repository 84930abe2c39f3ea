/*
 * store_db.h - what the store's files share: the one file that includes db.h
 *
 * Internal to the store: only src/saga/store*.c include it.
 */
#ifndef SAGA_STORE_DB_H
#define SAGA_STORE_DB_H

#include <db.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>

#include "saga/pack.h"
#include "saga/store.h"
#include "saga/store_length.h"
#include "saga/store_upkeep.h"

#define STORE_PAGE_BYTES 4096u
#define PACK_KEY_BYTES 8

struct store_packs; /* store_pack.c */

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
    pthread_mutex_t tables_mutex;   /* of their list: a checkpoint reads it */
    struct store_table *tables;
    struct store_table *packed;     /* those of them that are packed       */
    struct store_cursor *cursors_spare;
    bool (*table_stays)(const char *name);
    struct store_lengths lengths;   /* what was known when it was opened   */
    struct store_upkeep *upkeep;
    struct store_stats stats;
    _Atomic bool log_moved;         /* since the last checkpoint began     */
    _Atomic int panic_cause;        /* the error of the library's panic    */
    bool panic_told;                /* in a log line (store_failure.c)     */
    _Atomic bool sync_failed;       /* of one of its files (store_sync.h)  */
    struct store *sync_next;
    char sync_directory[PATH_MAX];  /* the directory, as the kernel has it */
    char directory[PATH_MAX];
};

struct store_table {
    DB *db;
    struct store *store;
    struct store_table *next;
    struct store_table *packed_next;
    struct store_packs *packs;      /* NULL: not packed                    */
    uint32_t cursors;
    bool put;                       /* to, in the open transaction         */
    _Atomic uint32_t pages;         /* that committed transactions gave it */
    uint8_t id[DB_FILE_ID_LEN];
    bool last_known;                /* no key of the table is above last[] */
    size_t last_bytes;
    uint8_t last[STORE_KEY_BYTES_MAX];
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
    unsigned slot;    /* of a packed table: where it stands */
    struct pack pack;
};

/* The library's callbacks: its words are kept for the next failure's line, a
 * panic's first cause for store_failed(). */
void store_on_library_words(const DB_ENV *env, const char *prefix,
                            const char *words);
void store_on_library_event(DB_ENV *env, u_int32_t event, void *info);

/* What the library said in this thread and no line has told yet; it is
 * forgotten with the next failure or store_words_forget(). */
const char *store_words(void);
void store_words_add(const char *words);
void store_words_forget(void);

/* Logs a failure with the library's words, and says what it means; never
 * RC_OK. */
enum rc store_failed(struct store *store, int error,
                     const char *operation, const char *table);
/* The same where the caller knows better than the error what it means. */
enum rc store_failed_as(struct store *store, enum rc rc, int error,
                        const char *operation, const char *table);
/* The same for what changes a table: the transaction can only be aborted. */
enum rc store_write_failed(struct store *store, int error,
                           const char *operation, const char *table);

/* A transaction was committed: notes how many pages its tables have now. */
void store_tables_note_pages(struct store *store);

/* The log's end as a number that only grows: file, then offset in it. */
MUST_USE enum rc store_log_end(struct store *store, uint64_t *end_out);
/* Nobody waits for a flush any more: it takes no rests. */
MUST_USE enum rc store_checkpoint_last(struct store *store);
extern const struct store_upkeep_asks store_upkeep_asks;

/* True if a table may have this name: no other file of ours has it. */
bool store_name_is_table(const char *name);

/*
 * Rows and steps as the library has them: in a packed table the packs.  As
 * the calls of store.h; _step_: a cursor's.
 */
MUST_USE enum rc store_row_get(struct store_table *table, const void *key,
                               size_t key_bytes, void *value,
                               size_t value_max, size_t *bytes_out);
MUST_USE enum rc store_row_put(struct store_table *table, const void *key,
                               size_t key_bytes, const void *value,
                               size_t bytes);
MUST_USE enum rc store_row_delete(struct store_table *table, const void *key,
                                  size_t key_bytes);
MUST_USE enum rc store_step(struct store_cursor *cursor, u_int32_t step,
                            struct store_row *row_out);
MUST_USE enum rc store_step_seek(struct store_cursor *cursor, const void *key,
                                 size_t key_bytes, struct store_row *row_out);
MUST_USE enum rc store_step_seek_back(struct store_cursor *cursor,
                                      const void *key, size_t key_bytes,
                                      struct store_row *row_out);

/* Lets go of environment and tables as they are: the next start recovers them.
 * The process ends now. */
void store_abandon(struct store *store);

/* Frees the cursors that were kept; none is open. */
void store_cursors_free(struct store *store);

/* Copies the environment into a directory; in the upkeep's thread. */
enum rc store_backup_write(void *environment, const char *directory);

#endif
