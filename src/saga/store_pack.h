/*
 * store_pack.h - packed tables, between the store's functions and the library
 *
 * Internal to the store.  The packs that were used last are kept in memory,
 * each at the place that its number has there; those that were changed are
 * written when the transaction commits, or when another one wants the place,
 * or before a cursor walks.  So a turn that puts thirty rows writes four.
 *
 * Keys are 8 octets, big-endian (invariant).  Failures: as store.h; RC_DAMAGED
 * and a line in the log for a row of the library's that is no pack.
 */
#ifndef SAGA_STORE_PACK_H
#define SAGA_STORE_PACK_H

#include "saga/store_db.h"

/* RC_IO without memory; RC_DAMAGED if the table's rows are not packs. */
MUST_USE enum rc store_packs_open(struct store_table *table);
void store_packs_close(struct store_table *table);

MUST_USE enum rc store_packs_get(struct store_table *table, const void *key,
                                 size_t key_bytes, void *value,
                                 size_t value_max, size_t *bytes_out);
/* bytes 0: deletes.  RC_EXISTS, RC_NOT_FOUND as store_put_new() and
 * store_delete(). */
MUST_USE enum rc store_packs_put(struct store_table *table, const void *key,
                                 size_t key_bytes, const void *value,
                                 size_t bytes, bool new_only);

/* Writes what was changed in a table, or in all that are open. */
MUST_USE enum rc store_packs_write(struct store_table *table);
MUST_USE enum rc store_packs_write_all(struct store *store);
/* After an abort nothing in memory is true any more. */
void store_packs_forget_all(struct store *store);

/* As the calls of store.h, on a cursor of a packed table. */
MUST_USE enum rc store_packs_seek(struct store_cursor *cursor,
                                  const void *key, size_t key_bytes,
                                  bool backwards, struct store_row *row_out);
MUST_USE enum rc store_packs_end(struct store_cursor *cursor, bool last,
                                 struct store_row *row_out);
MUST_USE enum rc store_packs_move(struct store_cursor *cursor, bool backwards,
                                  struct store_row *row_out);

#endif
