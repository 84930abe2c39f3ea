#include "gateway/order_index.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/gateway_rows.h"
#include "gateway/order_index_old.h"
#include "gateway/order_runs.h"
#include "saga/log.h"

const struct order_index_shape order_index_shape_usual = {
    .run_orders = 8192, .block_bytes = ORDER_BLOCK_BYTES_MAX
};

struct order_index {
    struct order_index_tables tables;
    uint32_t run_orders;
    uint64_t base; /* what is below is in the old table */
    struct order_runs *runs;
    struct order_entry *tail; /* in the order of ids  */
    size_t count;
    size_t room;
    uint64_t added;           /* in this turn         */
    struct order_entry *run;  /* room to sort one     */
};

uint64_t
order_index_mark(const struct order_index *index)
{
    return order_runs_mark(index->runs);
}

void
order_index_add(struct order_index *index, struct user_id user,
                struct order_id order)
{
    invariant(order.value >= order_index_mark(index) &&
              (index->count == 0 ||
               index->tail[index->count - 1].order < order.value));
    if (index->count == index->room) {
        index->room *= 2;
        index->tail = realloc(index->tail, index->room * sizeof *index->tail);
        invariant(index->tail != NULL);
    }
    index->tail[index->count++] =
        (struct order_entry){ user.value, order.value };
    index->added++;
}

/* ---- opening ---------------------------------------------------------- */

static enum rc
read_tail(struct order_index *index, struct store_cursor *cursor)
{
    uint8_t key[ID_KEY_BYTES];
    struct order_row order;
    struct store_row row;
    enum rc rc;

    id_key_encode(order_index_mark(index), key);
    rc = store_cursor_seek(cursor, key, sizeof key, &row);
    while (rc == RC_OK) {
        rc = order_row_read(row.key, row.key_bytes, row.value, row.bytes,
                            &order);
        if (rc != RC_OK)
            break;
        order_index_add(index, order.user, order.order);
        rc = store_cursor_next(cursor, &row);
    }
    index->added = 0;
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

/* The id behind the last order's; 0 if there is none. */
static enum rc
find_end(struct store_cursor *cursor, uint64_t *end_out)
{
    struct store_row row;
    enum rc rc = store_cursor_last(cursor, &row);

    *end_out = 0;
    if (rc == RC_OK)
        rc = id_key_decode(row.key, row.key_bytes, end_out);
    if (rc == RC_OK)
        ++*end_out;
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static enum rc
read_orders(struct order_index *index, uint32_t block_bytes)
{
    struct store_cursor *cursor;
    uint64_t end;
    enum rc rc;

    rc = store_cursor_open(index->tables.orders, &cursor);
    if (rc != RC_OK)
        return rc;
    rc = find_end(cursor, &end);
    if (rc == RC_OK && index->base == INDEX_BASE_ALL)
        index->base = end;
    if (rc == RC_OK)
        rc = order_runs_open(&index->runs, index->tables.runs, index->base,
                             block_bytes);
    if (rc == RC_OK && order_index_mark(index) > end) {
        log_error("row_damaged", "table=orders index_mark=%" PRIu64
                  " words=\"the last order is not there\"",
                  order_index_mark(index));
        rc = RC_DAMAGED;
    } else if (rc == RC_OK) {
        rc = read_tail(index, cursor);
        if (rc == RC_DAMAGED)
            log_error("row_damaged", "table=orders");
    }
    store_cursor_close(&cursor);
    return rc;
}

enum rc
order_index_open(struct order_index **index_out,
                 const struct order_index_tables *tables,
                 const struct order_index_shape *shape, uint64_t *base)
{
    struct order_index *index = calloc(1, sizeof *index);
    enum rc rc;

    *index_out = index;
    invariant(index != NULL);
    index->tables = *tables;
    index->base = *base;
    index->run_orders = shape->run_orders;
    index->room = 2 * (size_t)shape->run_orders;
    index->tail = malloc(index->room * sizeof *index->tail);
    index->run = malloc(shape->run_orders * sizeof *index->run);
    invariant(index->tail != NULL && index->run != NULL);
    rc = read_orders(index, shape->block_bytes);
    *base = index->base;
    return rc;
}

void
order_index_close(struct order_index **index_p)
{
    struct order_index *index = *index_p;

    *index_p = NULL;
    if (index == NULL)
        return;
    order_runs_close(&index->runs);
    free(index->tail);
    free(index->run);
    free(index);
}

/* ---- writing ---------------------------------------------------------- */

static int
by_user(const void *left, const void *right)
{
    return order_entry_compare(left, right);
}

/* The tail's first orders become a run. */
static enum rc
write_run(struct order_index *index)
{
    const size_t count = index->run_orders;
    uint64_t mark = index->tail[count - 1].order + 1;
    enum rc rc;

    memcpy(index->run, index->tail, count * sizeof *index->run);
    qsort(index->run, count, sizeof *index->run, by_user);
    rc = order_runs_append(index->runs, index->run, (uint32_t)count, mark);
    index->count -= count;
    memmove(index->tail, index->tail + count,
            index->count * sizeof *index->tail);
    return rc;
}

enum rc
order_index_write(struct order_index *index)
{
    uint64_t added = index->added;
    enum rc rc = RC_OK;

    index->added = 0;
    while (rc == RC_OK && index->count >= index->run_orders)
        rc = write_run(index);
    return rc == RC_OK ? order_runs_merge(index->runs, added) : rc;
}

/* ---- searching -------------------------------------------------------- */

static enum rc
find_in_old(const struct order_index *index, struct order_search *search)
{
    return index->base == 0 ? RC_OK
                            : order_index_old_find(index->tables.old,
                                                   index->base, search);
}

static enum rc
find_in_tail(const struct order_index *index, struct order_search *search)
{
    size_t i, at;

    for (i = 0; i < index->count; i++) {
        at = search->descending ? index->count - 1 - i : i;
        if (index->tail[at].user == search->user.value)
            order_search_add(search, index->tail[at].order);
    }
    return RC_OK;
}

static enum rc
find_in_runs(const struct order_index *index, struct order_search *search)
{
    return order_runs_find(index->runs, search);
}

enum rc
order_index_find(const struct order_index *index, struct user_id user,
                 uint64_t after, bool descending, uint64_t *ids, uint32_t max,
                 uint32_t *count_out)
{
    enum rc (*const parts[])(const struct order_index *index,
                             struct order_search *search) = {
        find_in_old, find_in_runs, find_in_tail,
    };
    struct order_search search = {
        .user = user, .after = after, .descending = descending, .ids = ids,
        .max = max,
    };
    enum rc rc = RC_OK;
    size_t i;

    for (i = 0; i < ARRAY_COUNT(parts); i++) {
        if (rc == RC_OK && !order_search_ended(&search))
            rc = parts[descending ? ARRAY_COUNT(parts) - 1 - i : i](index,
                                                                    &search);
    }
    *count_out = search.count;
    return rc;
}
