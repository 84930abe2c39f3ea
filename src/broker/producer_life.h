/*
 * producer_life.h - which life of a producer may open
 *
 *   starts   how often the producer's store was opened: each start of its
 *            process counts, and has that on disk before it opens here.  So of
 *            two lives on one store the later one has more of them.  0: of a
 *            producer that keeps no store
 *   life     a number by chance, the process's own.  Two lives with as many
 *            starts run on copies of one store.  0: as above
 *
 * Opens are read late, when their process is dead and its successor has
 * opened: fewer starts than the last one had are such, or an old store, and
 * change nothing.  Without a number of starts nobody can tell, and the one
 * that is read last is taken for the newest.
 *
 * Core.
 */
#ifndef PRODUCER_LIFE_H
#define PRODUCER_LIFE_H

#include "saga/base.h"

struct producer_life {
    uint64_t starts;
    uint64_t life;
};

enum producer_opening {
    PRODUCER_OPENING_NONE = 0,
    PRODUCER_OPENS,       /* a newer life: it gets a new epoch               */
    PRODUCER_OPENS_AGAIN, /* the same one: it keeps the epoch, so that its
                             own OPEN that is read late can't fence it       */
    PRODUCER_OLDER,       /* a later start was let in: refused               */
    PRODUCER_TWIN,        /* a copy of its store was let in, or somebody
                             without a store after it: refused               */
};

/* last: that was let in; all 0 if none was, or by older brokers. */
enum producer_opening
producer_life_decide(const struct producer_life *last,
                     const struct producer_life *next);

/* It was let in (PRODUCER_OPENS). */
void producer_life_fold(struct producer_life *last,
                        const struct producer_life *next);

#endif
