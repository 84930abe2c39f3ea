#include "gateway/order_runs.h"

#include <inttypes.h>
#include <stdlib.h>

#include "gateway/order_runs_state.h"
#include "saga/log.h"

static const uint8_t levels_key[] = { ORDER_LEVELS_KEY };

enum rc
order_runs_damaged(const struct order_block_reader *block)
{
    log_error("row_damaged", "table=order_runs level=%u run=%" PRIu64
              " user=%" PRIu64 " order=%" PRIu64, block->level, block->run,
              block->entry.user, block->entry.order);
    return RC_DAMAGED;
}

/* RC_NOT_FOUND: the table is empty. */
static enum rc
find_any(struct order_runs *runs)
{
    struct store_cursor *cursor;
    struct store_row row;
    enum rc rc = store_cursor_open(runs->table, &cursor);

    if (rc != RC_OK)
        return rc;
    rc = store_cursor_first(cursor, &row);
    store_cursor_close(&cursor);
    return rc;
}

static enum rc
read_levels(struct order_runs *runs, uint64_t base)
{
    uint8_t row[ORDER_LEVELS_ROW_BYTES];
    size_t bytes;
    enum rc rc = store_get(runs->table, levels_key, sizeof levels_key, row,
                           sizeof row, &bytes);

    if (rc == RC_NOT_FOUND) {
        runs->levels.mark = base;
        rc = find_any(runs);
        if (rc == RC_NOT_FOUND)
            return RC_OK;
        if (rc == RC_OK)
            rc = RC_DAMAGED;
    } else if (rc == RC_OK) {
        rc = order_levels_decode(row, bytes, &runs->levels);
    }
    if (rc == RC_FULL || (rc == RC_OK && runs->levels.mark < base))
        rc = RC_DAMAGED;
    if (rc == RC_DAMAGED)
        log_error("row_damaged", "table=order_runs words=\"the levels\"");
    return rc;
}

enum rc
order_runs_put_levels(const struct order_runs *runs)
{
    uint8_t row[ORDER_LEVELS_ROW_BYTES];

    order_levels_encode(&runs->levels, row);
    return store_put(runs->table, levels_key, sizeof levels_key, row,
                     sizeof row);
}

enum rc
order_runs_open(struct order_runs **runs_out, struct store_table *table,
                uint64_t base, uint32_t block_bytes)
{
    struct order_runs *runs = calloc(1, sizeof *runs);

    *runs_out = runs;
    invariant(runs != NULL);
    runs->table = table;
    runs->block_bytes = block_bytes;
    return read_levels(runs, base);
}

void
order_runs_close(struct order_runs **runs_p)
{
    free(*runs_p);
    *runs_p = NULL;
}

uint64_t
order_runs_mark(const struct order_runs *runs)
{
    return runs->levels.mark;
}

/* ---- writing ---------------------------------------------------------- */

enum rc
order_runs_put_block(struct order_runs *runs, uint8_t level, uint64_t run)
{
    const struct order_block *block = &runs->block;
    uint8_t key[ORDER_BLOCK_KEY_BYTES];

    order_block_key(level, run, &block->first, key);
    return store_put(runs->table, key, sizeof key, block->value,
                     block->writer.used);
}

enum rc
order_runs_append(struct order_runs *runs, const struct order_entry *entries,
                  uint32_t count, uint64_t mark)
{
    struct order_levels *levels = &runs->levels;
    enum rc rc = RC_OK;
    bool added;
    uint32_t i;

    invariant(count >= 1 && mark > levels->mark);
    order_block_init(&runs->block, runs->block_bytes);
    for (i = 0; i < count && rc == RC_OK; i++) {
        if (order_block_add(&runs->block, &entries[i]))
            continue;
        rc = order_runs_put_block(runs, 0, levels->level[0].runs);
        order_block_init(&runs->block, runs->block_bytes);
        added = order_block_add(&runs->block, &entries[i]);
        invariant(added); /* an empty one takes any */
    }
    if (rc == RC_OK)
        rc = order_runs_put_block(runs, 0, levels->level[0].runs);
    levels->level[0].runs++;
    levels->mark = mark;
    return rc == RC_OK ? order_runs_put_levels(runs) : rc;
}

/* ---- reading ---------------------------------------------------------- */

/* The row, if it is of the run that the key is of. */
static enum rc
read_block(const struct store_row *row, const uint8_t *key,
           struct order_block_reader *block_out)
{
    if (row->key_bytes < ORDER_RUN_KEY_BYTES ||
        memcmp(row->key, key, ORDER_RUN_KEY_BYTES) != 0)
        return RC_NOT_FOUND;
    if (order_block_open(block_out, row->key, row->key_bytes, row->value,
                         row->bytes) != RC_OK)
        return order_runs_damaged(block_out);
    return RC_OK;
}

enum rc
order_runs_seek(struct store_cursor *cursor, uint8_t level, uint64_t run,
                const struct order_entry *entry,
                struct order_block_reader *block_out)
{
    uint8_t key[ORDER_BLOCK_KEY_BYTES];
    struct store_row row;
    enum rc rc;

    order_block_key(level, run, entry, key);
    rc = store_cursor_seek_back(cursor, key, sizeof key, &row);
    if (rc == RC_OK)
        rc = read_block(&row, key, block_out);
    if (rc != RC_NOT_FOUND)
        return rc;
    rc = store_cursor_seek(cursor, key, sizeof key, &row);
    return rc == RC_OK ? read_block(&row, key, block_out) : rc;
}

enum rc
order_runs_step(struct store_cursor *cursor, bool back,
                struct order_block_reader *block)
{
    uint8_t key[ORDER_BLOCK_KEY_BYTES];
    struct store_row row;
    enum rc rc;

    order_block_key(block->level, block->run, &block->entry, key);
    rc = back ? store_cursor_prev(cursor, &row)
              : store_cursor_next(cursor, &row);
    return rc == RC_OK ? read_block(&row, key, block) : rc;
}

/* ---- searching -------------------------------------------------------- */

/* What counts of it.  RC_NOT_FOUND if no other block of the run can have
 * more. */
static enum rc
find_in_block(struct order_search *search, const struct order_entry *from,
              struct order_block_reader *block)
{
    uint64_t ids[ORDER_BLOCK_ENTRIES_MAX], user = search->user.value;
    uint32_t count = 0, i;
    bool first_before = block->entry.user < user;
    enum rc rc = RC_OK;

    while (rc == RC_OK && block->entry.user <= user) {
        if (block->entry.user == user &&
            order_entry_compare(&block->entry, from) >= 0)
            ids[count++] = block->entry.order;
        rc = order_block_next(block);
    }
    if (rc == RC_DAMAGED)
        return order_runs_damaged(block);
    for (i = 0; i < count; i++)
        order_search_add(search, ids[search->descending ? count - 1 - i : i]);
    if (order_search_ended(search))
        return RC_NOT_FOUND;
    /* More before the first one, or behind the last one? */
    if (search->descending)
        return first_before ? RC_NOT_FOUND : RC_OK;
    return rc == RC_NOT_FOUND ? RC_OK : RC_NOT_FOUND;
}

static enum rc
find_in_run(const struct order_runs *runs, struct order_search *search,
            struct store_cursor *cursor, uint8_t level, uint64_t run)
{
    const struct order_entry wanted = { search->user.value,
                                        order_search_from(search) };
    struct order_entry from;
    struct order_block_reader block;
    bool have = order_levels_have(&runs->levels, level, run, &from);
    enum rc rc;

    invariant(have);
    rc = order_runs_seek(cursor, level, run, &wanted, &block);
    while (rc == RC_OK) {
        rc = find_in_block(search, &from, &block);
        if (rc == RC_OK)
            rc = order_runs_step(cursor, search->descending, &block);
    }
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static enum rc
find_in_level(const struct order_runs *runs, struct order_search *search,
              struct store_cursor *cursor, uint8_t level)
{
    uint64_t first = order_levels_first(&runs->levels, level);
    uint64_t end = order_levels_end(&runs->levels, level), i;
    enum rc rc = RC_OK;

    for (i = first; i < end && rc == RC_OK && !order_search_ended(search); i++)
        rc = find_in_run(runs, search, cursor, level,
                         search->descending ? end - 1 - (i - first) : i);
    return rc;
}

/* The highest level has the oldest orders. */
enum rc
order_runs_find(const struct order_runs *runs, struct order_search *search)
{
    struct store_cursor *cursor;
    uint8_t i, top = ORDER_LEVELS - 1;
    enum rc rc;

    rc = store_cursor_open(runs->table, &cursor);
    if (rc != RC_OK)
        return rc;
    for (i = 0; i <= top && rc == RC_OK; i++)
        rc = find_in_level(runs, search, cursor,
                           search->descending ? i : (uint8_t)(top - i));
    store_cursor_close(&cursor);
    return rc;
}
