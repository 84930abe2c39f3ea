/*
 * verify_index.c - is each order in the gateway's index by user, and once?
 *
 * And do the runs lie behind one another, as a search takes them to: those of
 * a level by their numbers, and below those of the levels under it.
 */
#include <inttypes.h>

#include "gateway/gateway_rows.h"
#include "gateway/order_index_old.h"
#include "gateway/order_levels.h"
#include "sagactl/verify.h"

/* The least order of what a level has: of all its runs, and of those that are
 * not being merged. */
struct level_least {
    uint64_t all;
    uint64_t kept;
};

struct index_walk {
    uint64_t base; /* what is below is in the table of an older program */
    struct order_entry old; /* the last one in that; 0, 0: not begun */
    struct order_levels levels;
    struct level_least least[ORDER_LEVELS];

    /* The run that is read, */
    uint8_t level;
    uint64_t run;
    struct order_entry last; /* where it is now; 0, 0: not begun            */
    uint64_t above;          /* its orders are above those of the runs before */
    uint64_t greatest;       /* of its level so far                         */
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
    if (level != walk->level)
        walk->greatest = 0;
    walk->level = level;
    walk->run = run;
    walk->last = (struct order_entry){ 0, 0 };
    walk->above = walk->greatest;
}

/* What the run's orders must be below: those of the levels under it.  One
 * that is being made lies among those that it is made of. */
static uint64_t
find_below(const struct index_walk *walk)
{
    bool completed = walk->run < walk->levels.level[walk->level].runs;
    uint64_t below = walk->levels.mark, least;
    uint8_t i;

    for (i = 0; i < walk->level; i++) {
        least = completed || i + 1 < walk->level ? walk->least[i].all
                                                 : walk->least[i].kept;
        if (least < below)
            below = least;
    }
    return below;
}

/* A run that is being made has what was merged, and no more. */
static bool
is_merged(const struct index_walk *walk, const struct order_entry *entry)
{
    return walk->run < walk->levels.level[walk->level].runs ||
           order_entry_compare(
               entry, &walk->levels.level[walk->level - 1].merged) < 0;
}

static void
take_entry(struct verify *verify, struct index_walk *walk,
           const struct order_entry *entry)
{
    struct level_least *least = &walk->least[walk->level];
    uint64_t id = entry->order;

    if (id <= walk->above || id < walk->base || id >= find_below(walk) ||
        order_entry_compare(&walk->last, entry) >= 0 ||
        !is_merged(walk, entry))
        verify_differs(verify->report, CHECK_GATEWAY_COUNTERS,
                       "the index has order %" PRIu64 " in run %" PRIu64
                       " of level %u, where it is not looked for", id,
                       walk->run, walk->level);
    if (id > walk->greatest)
        walk->greatest = id;
    if (id < least->all)
        least->all = id;
    if (id < least->kept &&
        walk->run >= order_levels_first(&walk->levels, walk->level) + ORDER_FAN)
        least->kept = id;
    walk->last = *entry;
    take_order(verify, id, entry->user);
}

/* Of a run that is being merged, the first block may have entries that count
 * no more; not only such. */
static void
take_block(struct verify *verify, struct index_walk *walk,
           struct order_block_reader *block)
{
    struct order_entry from;
    bool counts = false;
    enum rc rc;

    if (!order_levels_have(&walk->levels, block->level, block->run, &from)) {
        verify_differs(verify->report, CHECK_GATEWAY_COUNTERS,
                       "the index has run %" PRIu64 " of level %u, which is "
                       "not there", block->run, block->level);
        return;
    }
    if (block->level != walk->level || block->run != walk->run)
        begin_run(walk, block->level, block->run);
    do {
        if (order_entry_compare(&block->entry, &from) >= 0) {
            take_entry(verify, walk, &block->entry);
            counts = true;
        }
        rc = order_block_next(block);
    } while (rc == RC_OK);
    if (rc == RC_DAMAGED)
        verify_differs(verify->report, CHECK_GATEWAY_COUNTERS,
                       "a block of the index by user that can't be read");
    else if (!counts)
        verify_differs(verify->report, CHECK_GATEWAY_COUNTERS,
                       "run %" PRIu64 " of level %u of the index has a block "
                       "that was merged", block->run, block->level);
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

/* A search ends at the first row that is above what it wants. */
static void
take_old(struct verify *verify, struct index_walk *walk, uint64_t user,
         uint64_t id)
{
    if (user == walk->old.user && id < walk->old.order)
        verify_differs(verify->report, CHECK_GATEWAY_COUNTERS,
                       "the old index by user has order %" PRIu64 " of user %"
                       PRIu64 " behind a later one", id, user);
    walk->old = (struct order_entry){ .user = user, .order = id };
    take_order(verify, id, user);
}

static enum rc
on_old(struct verify *verify, void *context, const struct store_row *row)
{
    struct index_walk *walk = context;
    struct order_old_row old;

    if (order_old_row_decode(row->key, row->key_bytes, row->value, row->bytes,
                             &old) != RC_OK) {
        verify_differs(verify->report, CHECK_GATEWAY_COUNTERS,
                       "a row of the old index by user that can't be read");
        return RC_OK;
    }
    for (uint32_t i = 0; i < old.count; i++)
        if (old.ids[i] < walk->base)
            take_old(verify, walk, old.user, old.ids[i]);
    return RC_OK;
}

/* ---- what it lacks ---- */

/* The order before the mark is the last one that was indexed. */
static void
check_mark(struct verify *verify, const struct index_walk *walk)
{
    uint64_t mark = walk->levels.mark;

    if (mark < walk->base ||
        (mark > 0 && mark != INDEX_BASE_ALL &&
         !verify_has_row(verify, mark - 1)))
        verify_differs(verify->report, CHECK_GATEWAY_COUNTERS,
                       "the index's mark is %" PRIu64 ", which can't be", mark);
}

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
    struct index_walk walk = { .base = base, .levels.mark = base,
                               .run = UINT64_MAX };
    enum rc rc;

    for (size_t i = 0; i < ORDER_LEVELS; i++)
        walk.least[i] = (struct level_least){ UINT64_MAX, UINT64_MAX };
    rc = verify_walk(verify, store, "order_runs", on_run, &walk);
    if (rc == RC_OK)
        rc = verify_walk(verify, store, "orders_by_user", on_old, &walk);
    if (rc != RC_OK)
        return rc;
    check_mark(verify, &walk);
    look_for_missing(verify, walk.levels.mark);
    return RC_OK;
}
