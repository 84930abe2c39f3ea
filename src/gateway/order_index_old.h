/*
 * order_index_old.h - the index by user as programs before 2026-12 left it
 *
 * It stands in a table of its own, orders_by_user, which is read for the
 * orders of that time and written no more:
 *
 *   key   = user order               ; of the first one, big-endian, 8 octets
 *   value = nothing                  ; one order
 *         / %x01 1*63( order )       ; the others, rising
 *
 * Rows of orders from the mark on are what a program left half done.
 */
#ifndef ORDER_INDEX_OLD_H
#define ORDER_INDEX_OLD_H

#include "gateway/order_search.h"
#include "saga/store.h"

#define ORDER_OLD_ROW_MAX 64 /* orders in one row */

struct order_old_row {
    uint64_t user;
    uint32_t count;
    uint64_t ids[ORDER_OLD_ROW_MAX];
};

/* RC_DAMAGED if it is not one that was ever written. */
MUST_USE enum rc order_old_row_decode(const uint8_t *key, size_t key_bytes,
                                      const uint8_t *value, size_t bytes,
                                      struct order_old_row *row_out);

/* Adds the user's orders below the mark.  RC_DAMAGED (logged), or what the
 * store said. */
MUST_USE enum rc order_index_old_find(struct store_table *table, uint64_t mark,
                                      struct order_search *search);

#endif
