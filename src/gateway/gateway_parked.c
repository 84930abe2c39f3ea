/*
 * Orders of which an event is parked somewhere: what the topic dead-letters
 * tells, and GET /orders/{id} shows.
 *
 * One row per parked event.  An order may have several, and counts once.
 */
#include <inttypes.h>
#include <string.h>

#include "gateway/gateway_state.h"
#include "saga/log.h"

static enum rc
row_damaged(struct order_id order)
{
    log_error("row_damaged", "table=parked_orders order=%" PRIu64, order.value);
    return RC_DAMAGED;
}

enum rc
gateway_parked_find(const struct gateway_tables *tables, struct order_id order,
                    struct parked_row *row_out)
{
    uint8_t prefix[ID_KEY_BYTES];
    struct store_cursor *cursor;
    struct store_row row;
    enum rc rc;

    *row_out = (struct parked_row){ 0 };
    rc = store_cursor_open(tables->parked_orders, &cursor);
    if (rc != RC_OK)
        return rc;
    id_key_encode(order.value, prefix);
    rc = store_cursor_seek(cursor, prefix, sizeof prefix, &row);
    if (rc == RC_OK && (row.key_bytes < sizeof prefix ||
                        memcmp(row.key, prefix, sizeof prefix) != 0))
        rc = RC_NOT_FOUND;
    if (rc == RC_OK) {
        rc = parked_row_decode(row.key, row.key_bytes, row.value, row.bytes,
                               row_out);
        if (rc != RC_OK)
            rc = row_damaged(order);
    }
    store_cursor_close(&cursor);
    return rc;
}

/* Counts orders when the first of their events is parked, and when the last
 * one is no more. */
static enum rc
order_is_parked(struct gateway_store *store, struct order_id order,
                bool *parked_out)
{
    struct parked_row row;
    enum rc rc = gateway_parked_find(&store->tables, order, &row);

    *parked_out = rc == RC_OK;
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static enum rc
parked_delete(struct gateway_store *store, const uint8_t *key,
              size_t key_bytes, struct order_id order)
{
    bool parked;
    enum rc rc = store_delete(store->tables.parked_orders, key, key_bytes);

    if (rc == RC_NOT_FOUND)
        return RC_OK; /* parked before we heard of anything */
    if (rc == RC_OK)
        rc = order_is_parked(store, order, &parked);
    if (rc == RC_OK && !parked) {
        store->counters.parked_orders--;
        store->counters_changed = true;
    }
    return rc;
}

/* When it was parked first stays. */
static enum rc
parked_since(struct gateway_store *store, const uint8_t *key, size_t key_bytes,
             struct parked_row *row)
{
    uint8_t value[PARKED_ROW_BYTES_MAX];
    struct parked_row before;
    size_t bytes;
    enum rc rc = store_get(store->tables.parked_orders, key, key_bytes, value,
                           sizeof value, &bytes);

    if (rc == RC_NOT_FOUND)
        return RC_OK;
    if (rc == RC_OK)
        rc = parked_row_decode(key, key_bytes, value, bytes, &before);
    if (rc == RC_FULL || rc == RC_DAMAGED)
        return row_damaged(row->order);
    if (rc == RC_OK)
        row->since_us = before.since_us;
    return rc;
}

static enum rc
parked_put(struct gateway_store *store, const uint8_t *key, size_t key_bytes,
           struct parked_row *row)
{
    uint8_t value[PARKED_ROW_BYTES_MAX];
    bool parked;
    enum rc rc;

    rc = parked_since(store, key, key_bytes, row);
    if (rc == RC_OK)
        rc = order_is_parked(store, row->order, &parked);
    if (rc != RC_OK)
        return rc;
    if (!parked) {
        store->counters.parked_orders++;
        store->counters_changed = true;
    }
    return store_put(store->tables.parked_orders, key, key_bytes, value,
                     parked_row_encode(row, value));
}

/* A letter about an order that is not here tells us nothing. */
enum rc
gateway_parked_fold(struct gateway_store *store, const struct event *event)
{
    struct parked_row row = {
        .order = event->order,
        .partition = event->partition,
        .offset = event->offset,
        .attempts = event->attempts,
        .since_us = event->time_us,
    };
    uint8_t key[PARKED_KEY_BYTES_MAX];
    struct order_row order;
    size_t key_bytes;
    enum rc rc;

    if ((event->present & EVENT_HAS(FIELD_ORDER_ID)) == 0 ||
        event->partition >= PARTITIONS_MAX)
        return RC_OK;
    rc = gateway_query_order(&store->tables, event->order, &order);
    if (rc != RC_OK)
        return rc == RC_NOT_FOUND ? RC_OK : rc;
    memcpy(row.participant, event->participant, sizeof row.participant);
    memcpy(row.topic, event->topic_name, sizeof row.topic);
    memcpy(row.cause, event->cause, sizeof row.cause);
    key_bytes = parked_key_encode(&row, key);
    if (strcmp(row.cause, PARK_CAUSE_REDRIVEN) == 0 ||
        strcmp(row.cause, PARK_CAUSE_DROPPED) == 0)
        return parked_delete(store, key, key_bytes, row.order);
    return parked_put(store, key, key_bytes, &row);
}
