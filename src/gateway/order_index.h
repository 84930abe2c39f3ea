/*
 * order_index.h - the orders of a user
 *
 * A row per order in an index by user costs as much as the order's own: each
 * stands in another page.  So the last orders are kept in memory, the tail,
 * and are written in runs: ORDER_RUN of them at a time, sorted by user, many
 * in one row.  What the tail holds is in the table of orders, too, and is read
 * from there at the start; the mark tells from which id on.
 *
 *   ids below the mark     are found in the table
 *   ids from the mark on   in the tail: first those of the run that is being
 *                          written (its rows in the table are passed over),
 *                          then those that came behind it
 *
 * The writes of a run are spread over the turns, a row for each order that
 * came and ORDER_ROWS_MORE more: so a run is written before the next one is
 * full, and the tail has less than two runs and what two turns bring.  A start
 * in the middle of a run finds the same mark, so the same run, and writes the
 * same rows again.  Where starts come so often that no run gets to its end, the
 * tail grows, and a turn writes as many rows more as there are runs in it.
 * A run is sorted at once, in the turn that begins it.
 *
 * A row: key user id, first order id; value as order_run.h says.
 *
 * Thread rule: the store thread's.
 */
#ifndef ORDER_INDEX_H
#define ORDER_INDEX_H

#include "saga/event.h"
#include "saga/store.h"

/* Part of the form on disk, as ORDER_RUN_ROW_MAX: a run that is half written
 * when a program ends is written again by the next one. */
#define ORDER_RUN 8192
#define ORDER_ROWS_MORE 32

struct order_index;

/*
 * Opens the index over its table, and reads its tail from the table of orders.
 * *mark is what order_index_write() told last, as it was committed, 0 at first,
 * or INDEX_MARK_ALL (then it is set).  Dies without memory; RC_DAMAGED (logged)
 * also for a mark behind the last order; else what the store said.  Close it
 * also after a failure.
 */
MUST_USE enum rc order_index_open(struct order_index **index_out,
                                  struct store_table *table,
                                  struct store_table *orders, uint64_t *mark);
/* Also NULL; sets it to NULL. */
void order_index_close(struct order_index **index_p);

/* A new order; its id is above all others.  Dies without memory. */
void order_index_add(struct order_index *index, struct user_id user,
                     struct order_id order);

/* Writes what is due, within the turn's transaction.  *mark moves when a run
 * is written: commit it with the rows.  Fails as store_put(). */
MUST_USE enum rc order_index_write(struct order_index *index, uint64_t *mark);

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
