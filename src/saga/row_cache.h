/*
 * row_cache.h - rows of one table in memory, written back once per turn
 *
 * A participant that changes the balance of one user a hundred times in a
 * turn writes it once.  The cache holds the rows of one table whose keys are
 * unsigned 64-bit integers other than 0 (big-endian in the table, so that the
 * order of keys is the order of numbers) as structs of one size.  Rows stay
 * in it over turns, so that a user who comes often is not read again.
 *
 * Changed rows reach the table with row_cache_write(), which the owner calls
 * from on_commit(); or earlier, inside the same transaction, when more than
 * rows_max different rows are used.  If that transaction is aborted the cache
 * is no longer true: then the process ends (store.h).
 *
 * Bounded, open addressing, no allocation after row_cache_open().  Keys are
 * mixed with a random number, so that nobody can choose keys that collide.
 *
 * Not thread-safe.  Layer: above store.h.
 */
#ifndef SAGA_ROW_CACHE_H
#define SAGA_ROW_CACHE_H

#include "saga/row.h"

#define ROW_CACHE_ROWS_MAX (1u << 20) /* rows_max is not above             */

struct row_cache;

/* The table and the format must outlive the cache.  RC_NO_MEMORY. */
MUST_USE enum rc row_cache_open(struct row_cache **cache_out,
                                struct store_table *table,
                                const struct row_format *format,
                                uint32_t rows_max);
/* Drops what was not written. */
void row_cache_close(struct row_cache **cache_p);

/*
 * Copies the row of `key` to *row_out; RC_NOT_FOUND, and *row_out all zero,
 * if there is none.  RC_DAMAGED, and a line in the log, if the table's row
 * can't be decoded.
 */
MUST_USE enum rc row_cache_get(struct row_cache *cache, uint64_t key,
                               void *row_out);

/* Puts a new or changed row.  Inside a transaction only. */
MUST_USE enum rc row_cache_put(struct row_cache *cache, uint64_t key,
                               const void *row);

/* Writes the changed rows into the table.  Inside a transaction only, unless
 * there are none. */
MUST_USE enum rc row_cache_write(struct row_cache *cache);

#endif
