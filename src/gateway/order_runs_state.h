/*
 * order_runs_state.h - what order_runs.c (writing a run, searching) and
 * order_merge.c (merging runs) share
 */
#ifndef ORDER_RUNS_STATE_H
#define ORDER_RUNS_STATE_H

#include "gateway/order_runs.h"

struct order_runs {
    struct store_table *table;
    struct order_levels levels;
    uint32_t block_bytes;
    struct order_block block;        /* the one that is being made         */
    int64_t credit[ORDER_LEVELS];    /* orders that may be merged now      */
};

/* Puts the block that was made; the row of the levels. */
MUST_USE enum rc order_runs_put_block(struct order_runs *runs, uint8_t level,
                                      uint64_t run);
MUST_USE enum rc order_runs_put_levels(const struct order_runs *runs);

/* Places the cursor on the block that has the entry or would have it: the
 * last one that begins at or before it, else the run's first.  RC_NOT_FOUND:
 * the run has none. */
MUST_USE enum rc order_runs_seek(struct store_cursor *cursor, uint8_t level,
                                 uint64_t run, const struct order_entry *entry,
                                 struct order_block_reader *block_out);
/* The next block of the same run, or the one before; RC_NOT_FOUND. */
MUST_USE enum rc order_runs_step(struct store_cursor *cursor, bool back,
                                 struct order_block_reader *block);
/* Tells of it; RC_DAMAGED. */
MUST_USE enum rc order_runs_damaged(const struct order_block_reader *block);

#endif
