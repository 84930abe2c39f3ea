/*
 * The age of the oldest open order.  After a start the orders of the life
 * before are walked over, from the mark of the counters row on, in slices; a
 * mark that follows the oldest open order keeps this walk short.
 */
#include "gateway/gateway_state.h"
#include "saga/log.h"

/* About 20 ms; and half a millisecond of each turn. */
#define WALK_AT_START_MAX 20000
#define WALK_ROWS_MAX 500

bool
gateway_open_walking(const struct gateway_store *store)
{
    return store->ages.walk_at < store->ages.walk_end;
}

static enum rc
walk(struct gateway_store *store, struct store_cursor *cursor,
     uint32_t rows_max)
{
    struct open_ages *ages = &store->ages;
    uint8_t key[ID_KEY_BYTES];
    struct order_row order;
    struct store_row row;
    enum rc rc;

    id_key_encode(ages->walk_at, key);
    rc = store_cursor_seek(cursor, key, sizeof key, &row);
    for (; rc == RC_OK && rows_max > 0; rows_max--) {
        rc = order_row_read(row.key, row.key_bytes, row.value, row.bytes,
                            &order);
        if (rc != RC_OK || order.order.value >= ages->walk_end)
            break;
        open_ages_walked(ages, order.order.value + 1);
        if (!order_status_terminal(order.status))
            open_ages_add(ages, order.order, order.created_us);
        rc = store_cursor_next(cursor, &row);
    }
    if (rc == RC_NOT_FOUND || (rc == RC_OK && rows_max > 0))
        open_ages_walked(ages, ages->walk_end);
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static enum rc
walk_slice(struct gateway_store *store, uint32_t rows_max)
{
    struct store_cursor *cursor;
    enum rc rc;

    if (!gateway_open_walking(store))
        return RC_OK;
    rc = store_cursor_open(store->tables.orders, &cursor);
    if (rc != RC_OK)
        return rc;
    rc = walk(store, cursor, rows_max);
    store_cursor_close(&cursor);
    if (rc == RC_DAMAGED)
        log_error("row_damaged", "table=orders");
    return rc;
}

enum rc
gateway_open_start(struct gateway_store *store)
{
    uint64_t end = store->counters.open > 0 ? store->order_next : 0;

    open_ages_init(&store->ages, store->counters.order_mark, end);
    return walk_slice(store, WALK_AT_START_MAX);
}

enum rc
gateway_open_walk(struct gateway_store *store)
{
    return walk_slice(store, WALK_ROWS_MAX);
}

int64_t
gateway_open_oldest_us(struct gateway_store *store)
{
    int64_t placed_us;
    uint64_t first;

    return open_ages_oldest(&store->ages, &placed_us, &first) ? placed_us : 0;
}

void
gateway_open_move_mark(struct gateway_store *store)
{
    int64_t placed_us;
    uint64_t first = store->order_next;

    (void)open_ages_oldest(&store->ages, &placed_us, &first);
    if (gateway_open_walking(store) && store->ages.walk_at < first)
        first = store->ages.walk_at;
    if (first > store->counters.order_mark)
        store->counters.order_mark = first;
}
