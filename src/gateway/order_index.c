#include "gateway/order_index.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/gateway_rows.h"
#include "gateway/order_run.h"
#include "saga/log.h"

#define TAIL_ROOM_FIRST (2 * ORDER_RUN)

struct entry {
    uint64_t user;
    uint64_t order;
};

struct order_index {
    struct store_table *table;
    uint64_t mark;        /* what is below is in the table alone */
    struct entry *tail;   /* in the order of ids                 */
    size_t count;
    size_t room;
    uint64_t added;       /* in this turn                        */
    bool running;         /* the tail's first ORDER_RUN ...      */
    uint32_t written;     /* ... of which so many are in rows    */
    struct entry run[ORDER_RUN]; /* ... by user                  */
};

/* The ids found so far of one search. */
struct search {
    struct user_id user;
    uint64_t after;
    uint64_t mark;
    bool descending;
    uint64_t *ids;
    uint32_t count;
    uint32_t max;
};

void
order_index_add(struct order_index *index, struct user_id user,
                struct order_id order)
{
    invariant(order.value >= index->mark &&
              (index->count == 0 ||
               index->tail[index->count - 1].order < order.value));
    if (index->count == index->room) {
        index->room *= 2;
        index->tail = realloc(index->tail, index->room * sizeof *index->tail);
        invariant(index->tail != NULL);
    }
    index->tail[index->count++] = (struct entry){ user.value, order.value };
    index->added++;
}

static enum rc
read_tail(struct order_index *index, struct store_cursor *cursor)
{
    uint8_t key[ID_KEY_BYTES];
    struct order_row order;
    struct store_row row;
    enum rc rc;

    id_key_encode(index->mark, key);
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
read_orders(struct order_index *index, struct store_table *orders)
{
    struct store_cursor *cursor;
    uint64_t end;
    enum rc rc;

    rc = store_cursor_open(orders, &cursor);
    if (rc != RC_OK)
        return rc;
    rc = find_end(cursor, &end);
    if (rc == RC_OK && index->mark == INDEX_MARK_ALL)
        index->mark = end;
    if (rc == RC_OK && index->mark > end)
        rc = RC_DAMAGED;
    if (rc == RC_OK)
        rc = read_tail(index, cursor);
    store_cursor_close(&cursor);
    if (rc == RC_DAMAGED)
        log_error("row_damaged", "table=orders index_mark=%" PRIu64,
                  index->mark);
    return rc;
}

enum rc
order_index_open(struct order_index **index_out, struct store_table *table,
                 struct store_table *orders, uint64_t *mark)
{
    struct order_index *index = calloc(1, sizeof *index);
    enum rc rc;

    *index_out = index;
    invariant(index != NULL);
    index->table = table;
    index->mark = *mark;
    index->room = TAIL_ROOM_FIRST;
    index->tail = malloc(index->room * sizeof *index->tail);
    invariant(index->tail != NULL);
    rc = read_orders(index, orders);
    *mark = index->mark;
    return rc;
}

void
order_index_close(struct order_index **index_p)
{
    struct order_index *index = *index_p;

    *index_p = NULL;
    if (index == NULL)
        return;
    free(index->tail);
    free(index);
}

/* ---- writing ---------------------------------------------------------- */

static int
by_user(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;

    if (a->user != b->user)
        return a->user < b->user ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

static void
begin_run(struct order_index *index)
{
    memcpy(index->run, index->tail, sizeof index->run);
    qsort(index->run, ORDER_RUN, sizeof index->run[0], by_user);
    index->running = true;
    index->written = 0;
}

/* The next orders of one user. */
static enum rc
write_row(struct order_index *index)
{
    const struct entry *first = index->run + index->written;
    uint8_t key[ORDER_USER_KEY_BYTES], value[ORDER_RUN_BYTES_MAX];
    uint64_t ids[ORDER_RUN_ROW_MAX];
    uint32_t count = 0;

    while (index->written < ORDER_RUN && count < ORDER_RUN_ROW_MAX &&
           index->run[index->written].user == first->user)
        ids[count++] = index->run[index->written++].order;
    order_user_key_encode((struct user_id){ first->user }, first->order, key);
    return store_put(index->table, key, sizeof key, value,
                     order_run_encode(ids, count, value));
}

static void
end_run(struct order_index *index)
{
    index->running = false;
    index->mark = index->tail[ORDER_RUN - 1].order + 1;
    index->count -= ORDER_RUN;
    memmove(index->tail, index->tail + ORDER_RUN,
            index->count * sizeof *index->tail);
}

/* How many rows of runs this turn may write. */
static uint64_t
rows_due(struct order_index *index)
{
    uint64_t rows = index->added * (index->count / ORDER_RUN);

    index->added = 0;
    return rows + ORDER_ROWS_MORE;
}

enum rc
order_index_write(struct order_index *index, uint64_t *mark)
{
    uint64_t rows = rows_due(index);
    enum rc rc = RC_OK;

    while (rc == RC_OK && (index->running || index->count >= ORDER_RUN)) {
        if (!index->running)
            begin_run(index);
        for (; rows > 0 && index->written < ORDER_RUN && rc == RC_OK; rows--)
            rc = write_row(index);
        if (rc != RC_OK || index->written < ORDER_RUN)
            break;
        end_run(index);
        *mark = index->mark;
    }
    return rc;
}

/* ---- searching -------------------------------------------------------- */

/* False once no further id is wanted. */
static bool
found(struct search *search, uint64_t id)
{
    if (search->descending ? search->after != 0 && id >= search->after
                           : id <= search->after)
        return true;
    if (search->count == search->max)
        return false;
    search->ids[search->count++] = id;
    return true;
}

/* RC_NOT_FOUND once nothing is wanted, or the rows are another user's. */
static enum rc
find_in_row(struct search *search, const struct store_row *row)
{
    struct order_run run;
    uint64_t id;
    uint32_t i;

    if (order_run_decode(row->key, row->key_bytes, row->value, row->bytes,
                         &run) != RC_OK) {
        log_error("row_damaged", "table=orders_by_user user=%" PRIu64
                  " order=%" PRIu64, run.user, run.first);
        return RC_DAMAGED;
    }
    if (run.user != search->user.value)
        return RC_NOT_FOUND;
    for (i = 0; i < run.count; i++) {
        id = order_run_at(&run, search->descending ? run.count - 1 - i : i);
        if (id < search->mark && !found(search, id))
            return RC_NOT_FOUND;
    }
    return RC_OK;
}

static enum rc
find_first_row(const struct search *search, struct store_cursor *cursor,
               struct store_row *row_out)
{
    uint8_t key[ORDER_USER_KEY_BYTES];
    uint64_t id = search->after;
    enum rc rc;

    if (search->descending && search->after == 0)
        id = UINT64_MAX;
    order_user_key_encode(search->user, id, key);
    rc = store_cursor_seek_back(cursor, key, sizeof key, row_out);
    if (search->descending)
        return rc;
    /* The row that the id is in, or would be: else the one behind it. */
    if (rc == RC_OK && memcmp(row_out->key, key, ID_KEY_BYTES) == 0)
        return RC_OK;
    if (rc != RC_OK && rc != RC_NOT_FOUND)
        return rc;
    return store_cursor_seek(cursor, key, sizeof key, row_out);
}

static enum rc
find_in_table(const struct order_index *index, struct search *search)
{
    struct store_cursor *cursor;
    struct store_row row;
    enum rc rc;

    rc = store_cursor_open(index->table, &cursor);
    if (rc != RC_OK)
        return rc;
    rc = find_first_row(search, cursor, &row);
    while (rc == RC_OK) {
        rc = find_in_row(search, &row);
        if (rc == RC_OK)
            rc = search->descending ? store_cursor_prev(cursor, &row)
                                    : store_cursor_next(cursor, &row);
    }
    store_cursor_close(&cursor);
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static void
find_in_tail(const struct order_index *index, struct search *search)
{
    size_t i, at;

    for (i = 0; i < index->count; i++) {
        at = search->descending ? index->count - 1 - i : i;
        if (index->tail[at].user == search->user.value &&
            !found(search, index->tail[at].order))
            return;
    }
}

enum rc
order_index_find(const struct order_index *index, struct user_id user,
                 uint64_t after, bool descending, uint64_t *ids, uint32_t max,
                 uint32_t *count_out)
{
    struct search search = {
        .user = user, .after = after, .mark = index->mark,
        .descending = descending, .ids = ids, .max = max,
    };
    enum rc rc = RC_OK;

    if (descending)
        find_in_tail(index, &search);
    if (search.count < max)
        rc = find_in_table(index, &search);
    if (!descending && rc == RC_OK && search.count < max)
        find_in_tail(index, &search);
    *count_out = search.count;
    return rc;
}
