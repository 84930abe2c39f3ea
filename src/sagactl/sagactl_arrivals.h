/*
 * sagactl_arrivals.h - when each order's Transaction stood in its topic
 *
 * A thread of its own reads the topic `transactions`, from its end on, and
 * notes when each order was told there.  That is the saga's end but for the
 * gateway's own update.  The thread alone owns what it notes until
 * arrivals_stop().
 */
#ifndef SAGACTL_ARRIVALS_H
#define SAGACTL_ARRIVALS_H

#include "sagactl/sagactl.h"

struct arrival {
    uint64_t order;
    int64_t at_us; /* load_now_us() */
};

struct arrivals;

/* Has found the topic's end when it returns.  Notes `max` at most.  One line
 * and the exit code if it can't. */
MUST_USE int arrivals_start(const struct sagactl *ctl, size_t max,
                            struct arrivals **arrivals_out);

/* How many were noted so far; any thread. */
size_t arrivals_count(const struct arrivals *arrivals);

/* Ends the thread; then the notes, by order, the first of each. */
const struct arrival *arrivals_stop(struct arrivals *arrivals,
                                    size_t *count_out);
void arrivals_destroy(struct arrivals **arrivals_p);

#endif
