/*
 * order_search.h - the orders of a user, as they are being found
 *
 * Each part of the index by user (order_index.h) is asked in turn, in the
 * order wanted, and adds what it has.
 *
 * Core.
 */
#ifndef ORDER_SEARCH_H
#define ORDER_SEARCH_H

#include "saga/ids.h"

struct order_search {
    struct user_id user;
    uint64_t after; /* ids behind it, or before it if descending (0: all) */
    bool descending;
    uint64_t *ids;
    uint32_t count;
    uint32_t max;
};

static inline bool
order_search_ended(const struct order_search *search)
{
    return search->count == search->max;
}

/* Adds an id if it is wanted. */
static inline void
order_search_add(struct order_search *search, uint64_t id)
{
    if (search->descending ? search->after != 0 && id >= search->after
                           : id <= search->after)
        return;
    if (!order_search_ended(search))
        search->ids[search->count++] = id;
}

/* The first id to look for. */
static inline uint64_t
order_search_from(const struct order_search *search)
{
    if (search->descending)
        return search->after == 0 ? UINT64_MAX : search->after - 1;
    return search->after == UINT64_MAX ? UINT64_MAX : search->after + 1;
}

#endif
