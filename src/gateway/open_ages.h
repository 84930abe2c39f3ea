/*
 * open_ages.h - when the oldest open order was placed, without looking it up
 *
 * Open orders are counted by the second in which they were placed, for the
 * last OPEN_AGES_SECONDS; older ones together, under the age of the oldest
 * that ever was among them.  So it costs one addition per order and one per
 * end, and is exact to the second for the last hour.
 *
 * After a start, orders of the life before are found by a walk of the table in
 * slices: ids from walk_at up to walk_end were not seen yet.
 *
 * Core.
 */
#ifndef GATEWAY_OPEN_AGES_H
#define GATEWAY_OPEN_AGES_H

#include "saga/ids.h"

#define OPEN_AGES_SECONDS 4096

struct open_ages_slot {
    int64_t second;
    int64_t placed_us; /* of the first one of the second */
    uint64_t first;    /* and its id: no other has a lower one */
    uint64_t open;
};

struct open_ages {
    struct open_ages_slot slots[OPEN_AGES_SECONDS];
    struct open_ages_slot older; /* second is not used */
    int64_t tail, head;          /* seconds that may have open orders */
    uint64_t walk_at, walk_end;
};

/* No order is counted; those of [walk_at, walk_end) are to be walked over. */
void open_ages_init(struct open_ages *ages, uint64_t walk_at,
                    uint64_t walk_end);

/* The order is open; it ended.  Orders that the walk has not reached are
 * passed over: it will see how they stand. */
void open_ages_add(struct open_ages *ages, struct order_id order,
                   int64_t placed_us);
void open_ages_end(struct open_ages *ages, struct order_id order,
                   int64_t placed_us);

/* The walk has seen all orders below this id. */
void open_ages_walked(struct open_ages *ages, uint64_t id);

/* The oldest that is open; false if none is known.  *placed_us_out: about
 * when it was placed; *first_out: no open order has a lower id. */
bool open_ages_oldest(struct open_ages *ages, int64_t *placed_us_out,
                      uint64_t *first_out);

#endif
