/*
 * order_levels.h - which runs of the index by user there are
 *
 * Runs have levels, as in a log-structured merge tree: one of level 0 is made
 * of the next orders, one of a higher level of ORDER_FAN runs of the level
 * below, the oldest that are left there.  So run k of level l was made of the
 * runs FAN * k to FAN * k + FAN - 1 of level l - 1, and counting the runs
 * that were completed tells which there are:
 *
 *   level l   runs FAN * (runs of l + 1) up to those completed of l
 *
 * Merging takes many turns.  What is merged stands in the new run, which is
 * the one that follows the completed ones of its level, and is gone from the
 * old ones, or stands there and counts no more (what is left of a block).
 *
 * All this is one row, before all blocks, in the transaction that changes
 * them:
 *
 *   key = %x00
 *   row = version mark 8( runs user order )   ; big-endian: 1, then 8 octets
 *
 * Core.
 */
#ifndef ORDER_LEVELS_H
#define ORDER_LEVELS_H

#include "gateway/order_block.h"

#define ORDER_LEVELS_KEY 0 /* of one octet */
#define ORDER_FAN 8
#define ORDER_LEVELS 8 /* the highest is not merged: of 8,192 * 8^7 orders */
#define ORDER_RUNS_LIMIT 65536 /* of a level; a sound store has twelve or so */
#define ORDER_LEVELS_ROW_BYTES (1 + 8 + ORDER_LEVELS * 3 * 8)

struct order_level {
    uint64_t runs; /* completed, since the store was made */
    /* What is below is merged into the next run of the level above; { 0, 0 }:
     * nothing is being merged. */
    struct order_entry merged;
};

struct order_levels {
    uint64_t mark; /* orders below it are in runs */
    struct order_level level[ORDER_LEVELS];
};

void order_levels_encode(const struct order_levels *levels,
                         uint8_t row[ORDER_LEVELS_ROW_BYTES]);
/* RC_DAMAGED if it is none, or says what can't be. */
MUST_USE enum rc order_levels_decode(const uint8_t *row, size_t bytes,
                                     struct order_levels *levels_out);

/* The oldest run of a level, and the one behind its last, which is being
 * made if there is something of it: they are equal if there is none. */
uint64_t order_levels_first(const struct order_levels *levels, uint8_t level);
uint64_t order_levels_end(const struct order_levels *levels, uint8_t level);

/* If the level has enough runs for one of the level above. */
bool order_levels_due(const struct order_levels *levels, uint8_t level);
/* Its ORDER_FAN oldest runs are merged. */
void order_levels_complete(struct order_levels *levels, uint8_t level);

/* If there is that run, completed or being made; *from_out is where its
 * entries begin to count: those before were merged. */
bool order_levels_have(const struct order_levels *levels, uint8_t level,
                       uint64_t run, struct order_entry *from_out);

#endif
