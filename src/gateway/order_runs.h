/*
 * order_runs.h - the index by user: sorted runs, and their merging
 *
 * Runs (order_block.h) are written once, each behind the last of its level,
 * and read in the order of their keys: so a row of the index costs a page for
 * a thousand orders, and not one for each, however many users there are.
 * What a search must look at is kept few by merging (order_levels.h), which
 * goes on in small steps, a block each, in the turns that bring orders: two
 * for each new one and level.  So a level has eight runs, and those that come
 * while these are merged.
 *
 * All that belongs together is put in one transaction: a block, what it was
 * merged from, and the row that tells of it.  After a start the merging goes
 * on where it was.
 *
 * Thread rule: the store thread's.
 */
#ifndef ORDER_RUNS_H
#define ORDER_RUNS_H

#include "gateway/order_levels.h"
#include "gateway/order_search.h"
#include "saga/store.h"

/* Completed runs of a level, as long as no turn brings more than a run of
 * level 0. */
#define ORDER_RUNS_MAX (ORDER_FAN + ORDER_FAN / 2 + 1)

struct order_runs;

/*
 * Opens the runs in their table.  block_bytes: how large a block may be.  Dies
 * without memory; RC_DAMAGED (logged), or what the store said.  Close it also
 * after a failure.
 */
MUST_USE enum rc order_runs_open(struct order_runs **runs_out,
                                 struct store_table *table, uint64_t base,
                                 uint32_t block_bytes);
/* Also NULL; sets it to NULL. */
void order_runs_close(struct order_runs **runs_p);

/* Orders below it, and from `base` on, are in runs. */
uint64_t order_runs_mark(const struct order_runs *runs);

/* Writes a run of the orders up to the mark; sorted, one at least.  Within a
 * transaction, as below; fails as store_put(). */
MUST_USE enum rc order_runs_append(struct order_runs *runs,
                                   const struct order_entry *entries,
                                   uint32_t count, uint64_t mark);
/* So many orders came: does as much of the merging that is due. */
MUST_USE enum rc order_runs_merge(struct order_runs *runs, uint64_t orders);

/* Adds what the runs have.  RC_DAMAGED (logged), or what the store said. */
MUST_USE enum rc order_runs_find(const struct order_runs *runs,
                                 struct order_search *search);

#endif
