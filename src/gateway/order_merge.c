/*
 * order_merge.c - runs of the index by user become one of the next level
 *
 * A step makes one block of the new run out of the least entries of the old
 * ones, takes away the old blocks that are used up, and notes how far it came.
 * But for the credit it keeps nothing in memory for the next step.
 */
#include "gateway/order_runs_state.h"

/* Orders merged in each level for one that came: so a merge ends when half of
 * what makes the next one due is there. */
#define MERGED_PER_ORDER 2
/* Old blocks that one new one may use up. */
#define USED_UP_MAX (2 * ORDER_FAN)

struct source {
    struct store_cursor *cursor;
    struct order_block_reader block;
    struct order_entry begins; /* the block */
    bool ended;
};

struct merge {
    struct order_runs *runs;
    uint8_t level;
    struct source sources[ORDER_FAN];
    uint8_t used_up[USED_UP_MAX][ORDER_BLOCK_KEY_BYTES];
    uint32_t used_up_count;
};

/* rc is of the call that went to the next block, or to the run's end. */
static enum rc
source_reached(struct source *source, enum rc rc)
{
    source->ended = rc == RC_NOT_FOUND;
    if (rc == RC_OK)
        source->begins = source->block.entry;
    return source->ended ? RC_OK : rc;
}

/* Past the entry it stands on. */
static enum rc
source_advance(struct merge *merge, struct source *source)
{
    enum rc rc = order_block_next(&source->block);

    if (rc == RC_DAMAGED)
        return order_runs_damaged(&source->block);
    if (rc != RC_NOT_FOUND)
        return rc;
    order_block_key(source->block.level, source->block.run, &source->begins,
                    merge->used_up[merge->used_up_count++]);
    return source_reached(source, order_runs_step(source->cursor, false,
                                                  &source->block));
}

/* On the first entry that is not merged yet; at the beginning there is one. */
static enum rc
source_open(struct merge *merge, struct source *source, uint64_t run)
{
    const struct order_runs *runs = merge->runs;
    const struct order_entry *merged = &runs->levels.level[merge->level].merged;
    enum rc rc = store_cursor_open(runs->table, &source->cursor);

    if (rc == RC_OK)
        rc = source_reached(source,
                            order_runs_seek(source->cursor, merge->level, run,
                                            merged, &source->block));
    if (rc == RC_OK && source->ended && merged->user == 0) {
        source->block = (struct order_block_reader){ .level = merge->level,
                                                     .run = run };
        return order_runs_damaged(&source->block);
    }
    while (rc == RC_OK && !source->ended &&
           order_entry_compare(&source->block.entry, merged) < 0) {
        rc = order_block_next(&source->block);
        if (rc == RC_NOT_FOUND) /* it was not taken away */
            rc = RC_DAMAGED;
        if (rc == RC_DAMAGED)
            rc = order_runs_damaged(&source->block);
    }
    return rc;
}

static void
sources_close(struct merge *merge)
{
    for (size_t i = 0; i < ORDER_FAN; i++)
        store_cursor_close(&merge->sources[i].cursor);
}

static enum rc
sources_open(struct merge *merge)
{
    uint64_t first = order_levels_first(&merge->runs->levels, merge->level);
    enum rc rc = RC_OK;

    for (size_t i = 0; i < ORDER_FAN && rc == RC_OK; i++)
        rc = source_open(merge, &merge->sources[i], first + i);
    return rc;
}

/* The source with the least entry; NULL: all are at their end. */
static struct source *
sources_least(struct merge *merge)
{
    struct source *least = NULL, *source;

    for (source = merge->sources; source < merge->sources + ORDER_FAN;
         source++) {
        if (source->ended)
            continue;
        if (least == NULL || order_entry_compare(&source->block.entry,
                                                 &least->block.entry) < 0)
            least = source;
    }
    return least;
}

static enum rc
fill_block(struct merge *merge)
{
    struct order_block *block = &merge->runs->block;
    struct source *least;
    enum rc rc = RC_OK;

    order_block_init(block, merge->runs->block_bytes);
    while (rc == RC_OK && merge->used_up_count < USED_UP_MAX &&
           (least = sources_least(merge)) != NULL) {
        if (block->count > 0 && /* the same order in two runs */
            order_entry_compare(&block->last, &least->block.entry) >= 0)
            return order_runs_damaged(&least->block);
        if (!order_block_add(block, &least->block.entry))
            break;
        rc = source_advance(merge, least);
    }
    return rc;
}

static enum rc
take_away_used_up(const struct merge *merge)
{
    enum rc rc = RC_OK;

    for (uint32_t i = 0; i < merge->used_up_count && rc == RC_OK; i++)
        rc = store_delete(merge->runs->table, merge->used_up[i],
                          sizeof merge->used_up[i]);
    return rc;
}

static enum rc
merge_step(struct order_runs *runs, uint8_t level)
{
    struct merge merge = { .runs = runs, .level = level };
    struct order_level *this = &runs->levels.level[level];
    const struct source *least;
    enum rc rc = sources_open(&merge);

    if (rc == RC_OK)
        rc = fill_block(&merge);
    sources_close(&merge);
    if (rc == RC_OK && runs->block.count == 0) /* the row says there is more */
        rc = order_runs_damaged(&merge.sources[0].block);
    if (rc == RC_OK)
        rc = order_runs_put_block(runs, (uint8_t)(level + 1), this[1].runs);
    if (rc == RC_OK)
        rc = take_away_used_up(&merge);
    if (rc != RC_OK)
        return rc;
    runs->credit[level] -= runs->block.count;
    least = sources_least(&merge);
    if (least == NULL)
        order_levels_complete(&runs->levels, level);
    else
        this->merged = least->block.entry;
    return order_runs_put_levels(runs);
}

enum rc
order_runs_merge(struct order_runs *runs, uint64_t orders)
{
    enum rc rc = RC_OK;
    uint8_t i;

    for (i = 0; i < ORDER_LEVELS && rc == RC_OK; i++) {
        runs->credit[i] += (int64_t)orders * MERGED_PER_ORDER;
        while (rc == RC_OK && order_levels_due(&runs->levels, i) &&
               runs->credit[i] > 0)
            rc = merge_step(runs, i);
        if (!order_levels_due(&runs->levels, i))
            runs->credit[i] = 0;
    }
    return rc;
}
