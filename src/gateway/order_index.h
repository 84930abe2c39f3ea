/*
 * order_index.h - the orders of a user
 *
 * A row per order in an index by user costs as much as the order's own: each
 * stands in another page.  So the last orders are kept in memory, the tail,
 * and are written in sorted runs, which are merged into longer ones
 * (order_runs.h).  By rising ids, so:
 *
 *   below the base            the table of an older program
 *                             (order_index_old.h); 0: there was none
 *   from there to the mark    runs
 *   from the mark on          the tail, which is less than a run and what a
 *                             turn brings.  It is in the table of orders, too,
 *                             and is read from there at the start
 *
 * Thread rule: the store thread's.
 */
#ifndef ORDER_INDEX_H
#define ORDER_INDEX_H

#include "saga/ids.h"
#include "saga/store.h"

struct order_index;

struct order_index_tables {
    struct store_table *orders;
    struct store_table *runs;
    struct store_table *old;
};

/* How long a run of level 0 is, and how large a block: no part of the form
 * on disk. */
struct order_index_shape {
    uint32_t run_orders;
    uint32_t block_bytes;
};
extern const struct order_index_shape order_index_shape_usual;

/*
 * Opens the index over its tables, and reads its tail.  *base is as committed,
 * 0 at first, or INDEX_BASE_ALL (all orders that there are; then it is set).
 * Dies without memory; RC_DAMAGED (logged) also for a mark behind the last
 * order; else what the store said.  Close it also after a failure.
 */
MUST_USE enum rc order_index_open(struct order_index **index_out,
                                  const struct order_index_tables *tables,
                                  const struct order_index_shape *shape,
                                  uint64_t *base);
/* Also NULL; sets it to NULL. */
void order_index_close(struct order_index **index_p);

/* A new order; its id is above all others.  Dies without memory. */
void order_index_add(struct order_index *index, struct user_id user,
                     struct order_id order);

/* Writes what is due, within the turn's transaction.  Fails as store_put(). */
MUST_USE enum rc order_index_write(struct order_index *index);

/* Orders from it on are in the tail. */
uint64_t order_index_mark(const struct order_index *index);

/*
 * The ids of the user's orders behind `after`, ascending, or before it (0: from
 * the last), descending; at most `max`.  RC_DAMAGED (logged), or what the store
 * said.
 */
MUST_USE enum rc order_index_find(const struct order_index *index,
                                  struct user_id user, uint64_t after,
                                  bool descending, uint64_t *ids,
                                  uint32_t max, uint32_t *count_out);

#endif
