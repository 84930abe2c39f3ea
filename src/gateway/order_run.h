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
/* How many ids it has with the first; RC_DAMAGED if they do not rise, or the
 * value is not one that the writer makes. */
MUST_USE enum rc order_run_count(uint64_t first, const uint8_t *value,
                                 size_t bytes, uint32_t *count_out);
/* One of them, below the count. */
uint64_t order_run_at(uint64_t first, const uint8_t *value, uint32_t index);

#endif
