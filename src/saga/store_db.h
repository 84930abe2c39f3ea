/*
 * store_db.h - what the store's files share: the one file that includes db.h
 *
 * Internal to the store: only src/saga/store*.c include it.
 */
#ifndef SAGA_STORE_DB_H
#define SAGA_STORE_DB_H

#include <db.h>
#include <limits.h>
#include <stdatomic.h>

#include "saga/store.h"
#include "saga/store_upkeep.h"

#define STORE_PAGE_BYTES 4096u

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
    _Atomic bool log_moved;         /* since the last checkpoint began     */
    _Atomic int panic_cause;        /* the error of the library's panic    */
    bool panic_told;                /* in a log line (store_failure.c)     */
    char directory[PATH_MAX];
};

struct store_table {
    DB *db;
    struct store *store;
    struct store_table *next;
    uint32_t cursors;
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
};

/* The library's callbacks: its words are kept for the next failure's line, a
 * panic's first cause for store_failed(). */
void store_on_library_words(const DB_ENV *env, const char *prefix,
                            const char *words);
void store_on_library_event(DB_ENV *env, u_int32_t event, void *info);

/* What the library said in this thread and no line has told yet; it is
 * forgotten with the next failure or store_words_forget(). */
const char *store_words(void);
void store_words_forget(void);

/* Logs a failure with the library's words, and says what it means. */
enum rc store_failed(struct store *store, int error,
                     const char *operation, const char *table);
/* The same where the caller knows better than the error what it means. */
enum rc store_failed_as(struct store *store, enum rc rc, int error,
                        const char *operation, const char *table);
/* The same for what changes a table: the transaction can only be aborted. */
enum rc store_write_failed(struct store *store, int error,
                           const char *operation, const char *table);

/* Frees the cursors that were kept; none is open. */
void store_cursors_free(struct store *store);

/* Copies the environment into a directory; in the upkeep's thread. */
enum rc store_backup_write(void *environment, const char *directory);

#endif
