/*
 * order_run.h - orders of one user, as a row of the index by user
 *
 * Its key has the first one's id, its value the others', rising:
 *
 *   value = nothing | version 1*( id )
 *
 * Core.
 */
#ifndef ORDER_RUN_H
#define ORDER_RUN_H

#include "saga/base.h"

#define ORDER_RUN_ROW_MAX 64 /* ids in one row: it fits a page */
#define ORDER_RUN_BYTES_MAX (1 + 8 * (ORDER_RUN_ROW_MAX - 1))

/* The value of a row of 1 to ORDER_RUN_ROW_MAX rising ids.  Returns its
 * length: 0 for one. */
size_t order_run_encode(const uint64_t *ids, uint32_t count,
                        uint8_t value[ORDER_RUN_BYTES_MAX]);
struct order_run {
    uint64_t user;
    uint64_t first;
    uint32_t count;
    const uint8_t *value; /* the row's: as long as that is there */
};

/* Reads a row.  RC_DAMAGED if it is not one that the writer makes: the length
 * of its key or value, the version, or ids that do not rise. */
MUST_USE enum rc order_run_decode(const uint8_t *key, size_t key_bytes,
                                  const uint8_t *value, size_t bytes,
                                  struct order_run *run_out);
/* One of its ids, below the count. */
uint64_t order_run_at(const struct order_run *run, uint32_t index);

#endif
