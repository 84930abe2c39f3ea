/*
 * verify_index.c - is each order in the gateway's index by user, and once?
 *
 * And do the runs lie behind one another, as a search takes them to: those of
 * a level by their numbers, and below those of the levels under it.
 */
#include <inttypes.h>

#include "gateway/order_index_old.h"
#include "gateway/order_levels.h"
#include "sagactl/verify.h"

struct index_walk {
    uint64_t base; /* what is below is in the table of an older program */
    struct order_levels levels;
    /* The run that is read, and what its orders must be above; */
    uint8_t level;
    uint64_t run;
    uint64_t above;
    /* the greatest of the runs so far of its level, the least of it, and of
     * the levels below. */
    uint64_t greatest, least, below;
};

static void
take_order(struct verify *verify, uint64_t id, uint64_t user)
{
    struct order_facts *order = fact_table_find(&verify->orders, id);

    if (order == NULL || (order->facts & FACT(FACT_GATEWAY_ROW)) == 0 ||
        (order->user != 0 && order->user != user &&
         (order->facts & FACT(FACT_CONFLICT)) == 0))
        verify_differs(verify->report, CHECK_GATEWAY_COUNTERS,
                       "the index has order %" PRIu64 " of user %" PRIu64
                       ", which is none", id, user);
    else if ((order->facts & FACT(FACT_GATEWAY_INDEXED)) != 0)
        verify_differs(verify->report, CHECK_GATEWAY_COUNTERS,
                       "the index has order %" PRIu64 " twice", id);
    else
        order->facts |= FACT(FACT_GATEWAY_INDEXED);
}

/* ---- runs ---- */

static void
begin_run(struct index_walk *walk, uint8_t level, uint64_t run)
{
    if (level != walk->level) {
        walk->below = walk->least < walk->below ? walk->least : walk->below;
        walk->greatest = 0;
        walk->least = UINT64_MAX;
    }
    walk->level = level;
    walk->run = run;
    walk->above = walk->greatest;
}

/* What is being merged lies among what is not yet. */
static bool
order_in_place(const struct index_walk *walk, uint64_t id)
{
    bool completed = walk->run < walk->levels.level[walk->level].runs;

    return id > walk->above && id >= walk->base && id < walk->levels.mark &&
           (!completed || id < walk->below);
}

static void
take_entry(struct verify *verify, struct index_walk *walk,
           const struct order_entry *entry)
{
    if (!order_in_place(walk, entry->order))
        verify_differs(verify->report, CHECK_GATEWAY_COUNTERS,
                       "the index has order %" PRIu64 " in run %" PRIu64
                       " of level %u, where it is not looked for",
                       entry->order, walk->run, walk->level);
    if (entry->order > walk->greatest)
        walk->greatest = entry->order;
    if (entry->order < walk->least)
        walk->least = entry->order;
    take_order(verify, entry->order, entry->user);
}

/* An entry that does not count belongs to a run that is being merged. */
static void
take_block(struct verify *verify, struct index_walk *walk,
           struct order_block_reader *block)
{
    const struct order_entry last = { UINT64_MAX, UINT64_MAX };
    enum rc rc;

    if (!order_levels_counts(&walk->levels, block->level, block->run, &last)) {
        verify_differs(verify->report, CHECK_GATEWAY_COUNTERS,
                       "the index has run %" PRIu64 " of level %u, which is "
                       "not there", block->run, block->level);
        return;
    }
    if (block->level != walk->level || block->run != walk->run)
        begin_run(walk, block->level, block->run);
    do {
        if (order_levels_counts(&walk->levels, block->level, block->run,
                                &block->entry))
            take_entry(verify, walk, &block->entry);
        rc = order_block_next(block);
    } while (rc == RC_OK);
    if (rc == RC_DAMAGED)
        verify_differs(verify->report, CHECK_GATEWAY_COUNTERS,
                       "a block of the index by user that can't be read");
}

static enum rc
on_run(struct verify *verify, void *context, const struct store_row *row)
{
    struct index_walk *walk = context;
    struct order_block_reader block;

    if (row->key_bytes == 1 && row->key[0] == ORDER_LEVELS_KEY &&
        order_levels_decode(row->value, row->bytes, &walk->levels) == RC_OK)
        return RC_OK;
    if (order_block_open(&block, row->key, row->key_bytes, row->value,
                         row->bytes) == RC_OK)
        take_block(verify, walk, &block);
    else
        verify_differs(verify->report, CHECK_GATEWAY_COUNTERS,
                       "a row of the index by user that can't be read");
    return RC_OK;
}

/* ---- what an older program wrote ---- */

static enum rc
on_old(struct verify *verify, void *context, const struct store_row *row)
{
    const struct index_walk *walk = context;
    struct order_old_row old;

    if (order_old_row_decode(row->key, row->key_bytes, row->value, row->bytes,
                             &old) != RC_OK) {
        verify_differs(verify->report, CHECK_GATEWAY_COUNTERS,
                       "a row of the old index by user that can't be read");
        return RC_OK;
    }
    for (uint32_t i = 0; i < old.count; i++)
        if (old.ids[i] < walk->base)
            take_order(verify, old.ids[i], old.user);
    return RC_OK;
}

/* ---- */

static void
look_for_missing(struct verify *verify, uint64_t mark)
{
    const struct order_facts *order;

    for (uint32_t i = 0; i < verify->orders.count; i++) {
        order = fact_table_row(&verify->orders, i);
        if (order->id < mark &&
            (order->facts & FACT(FACT_GATEWAY_ROW)) != 0 &&
            (order->facts & FACT(FACT_GATEWAY_INDEXED)) == 0)
            verify_differs(verify->report, CHECK_GATEWAY_COUNTERS,
                           "the index by user lacks order %" PRIu64,
                           order->id);
    }
}

enum rc
verify_index(struct verify *verify, struct store *store, uint64_t base)
{
    struct index_walk walk = {
        .base = base, .levels.mark = base, .run = UINT64_MAX,
        .least = UINT64_MAX, .below = UINT64_MAX,
    };
    enum rc rc = verify_walk(verify, store, "order_runs", on_run, &walk);

    if (rc == RC_OK)
        rc = verify_walk(verify, store, "orders_by_user", on_old, &walk);
    if (rc == RC_OK)
        look_for_missing(verify, walk.levels.mark);
    return rc;
}
