/*
 * What the gateway does with its own orders: places, cancels, times them out.
 */
#include <inttypes.h>
#include <string.h>

#include "gateway/gateway_state.h"
#include "saga/log.h"

/* Orders looked at for their time-out in one turn. */
#define TIMEOUT_SCAN_MAX 256

/* ---- rows ------------------------------------------------------------- */

enum rc
gateway_order_put(struct gateway_store *store, const struct order_row *row)
{
    uint8_t key[ID_KEY_BYTES], value[ORDER_ROW_BYTES_MAX];

    gateway_changes_order(store, row);
    id_key_encode(row->order.value, key);
    return store_put(store->tables.orders, key, sizeof key, value,
                     order_row_encode(row, value));
}

static enum rc
order_put_new(struct gateway_store *store, const struct order_row *row)
{
    uint8_t key[ID_KEY_BYTES], value[ORDER_ROW_BYTES_MAX];
    size_t bytes = order_row_encode(row, value);
    enum rc rc;

    gateway_changes_order(store, row);
    id_key_encode(row->order.value, key);
    rc = store_put_new(store->tables.orders, key, sizeof key, value, bytes);
    invariant(rc != RC_EXISTS); /* order_next was behind the last order */
    if (rc == RC_OK)
        order_index_add(store->tables.orders_by_user, row->user, row->order);
    return rc;
}

static int64_t
timeout_us(const struct gateway_store *store)
{
    return (int64_t)store->config->order_timeout * 1000;
}

/* A new open order may be the next to time out. */
static void
timeout_expect(struct gateway_store *store, const struct order_row *row)
{
    if (row->created_us + timeout_us(store) < store->timeout_due_us)
        store->timeout_due_us = row->created_us + timeout_us(store);
}

/* ---- placing ---------------------------------------------------------- */

static enum rc
emit_purchase(struct gateway_store *store, struct turn *turn,
              const struct request *request, const struct order_row *row)
{
    struct event event;

    event_init(&event, EVENT_ORDER_PURCHASE);
    event.order = row->order;
    event.user = row->user;
    event.product = row->product;
    event.quantity = row->quantity;
    event.price = row->price;
    memcpy(event.currency, store->config->currency, sizeof event.currency);
    memcpy(event.traceparent, request->traceparent, sizeof event.traceparent);
    return gateway_emit(store, turn, &event);
}

/* The refusals of POST /orders, in the order of their rank. */
static enum request_outcome
order_price(const struct gateway_store *store, struct request *request,
            struct money *total_out)
{
    const struct product_row *product =
        gateway_catalogue_find(&store->catalogue, request->product);

    if (product == NULL)
        return REQUEST_NO_PRODUCT;
    if (!money_mul(product->price, request->quantity, total_out))
        return REQUEST_TOO_LARGE;
    return gateway_pressure(store, request);
}

/* The first field of the request that the key's order has otherwise. */
static const char *
field_that_differs(const struct request *request, const struct order_row *row)
{
    if (request->user.value != row->user.value)
        return "userId";
    if (request->product.value != row->product.value)
        return "productId";
    if (request->quantity != row->quantity)
        return "quantity";
    return NULL;
}

static enum rc
key_damaged(const char *words)
{
    log_error("row_damaged", "table=keys words=\"%s\"", words);
    return RC_DAMAGED;
}

/* Answers with the order that the key stands for.  RC_NOT_FOUND if there is
 * none. */
static enum rc
order_replay(struct gateway_store *store, struct request *request)
{
    uint8_t value[KEY_ROW_BYTES];
    struct order_id order;
    size_t bytes;
    enum rc rc;

    rc = store_get(store->tables.keys, request->key, strlen(request->key),
                   value, sizeof value, &bytes);
    if (rc == RC_FULL)
        return key_damaged("too long");
    if (rc != RC_OK)
        return rc;
    if (key_row_decode(value, bytes, &order) != RC_OK)
        return key_damaged("not an order's id");
    rc = gateway_query_order(&store->tables, order, &request->order);
    if (rc == RC_NOT_FOUND)
        return key_damaged("of an order that is not there");
    if (rc != RC_OK)
        return rc;
    request->field = field_that_differs(request, &request->order);
    request->replayed = request->field == NULL;
    request->outcome = request->replayed ? REQUEST_DONE : REQUEST_KEY_CONFLICT;
    return RC_OK;
}

static void
log_accepted(struct turn *turn, const struct order_row *row,
             const char *traceparent)
{
    struct order_log *log = turn_log(turn);

    if (!order_log_begin(log, ORDER_LOG_USUAL, "order_accepted", row->order,
                         turn_now_us(turn)))
        return;
    order_log_number(log, "user", row->user.value);
    order_log_number(log, "product", row->product.value);
    order_log_number(log, "quantity", (uint64_t)row->quantity);
    order_log_money(log, "price", row->price);
    order_log_trace(log, traceparent);
    order_log_end(log);
}

static enum rc
order_place(struct gateway_store *store, struct turn *turn,
            struct request *request, struct money price)
{
    struct order_row *row = &request->order;
    enum rc rc;

    invariant(id_valid(store->order_next));
    *row = (struct order_row){
        .order = { store->order_next },
        .user = request->user,
        .product = request->product,
        .quantity = request->quantity,
        .price = price,
        .status = ORDER_CREATED,
        .created_us = turn_now_us(turn),
        .updated_us = turn_now_us(turn),
    };
    rc = order_put_new(store, row);
    if (rc == RC_OK)
        rc = gateway_trace_put(store, row->order, request->traceparent);
    if (rc == RC_OK)
        rc = emit_purchase(store, turn, request, row);
    store->order_next += store->config->order_id_stride;
    store->counters.orders[ORDER_CREATED]++;
    store->counters.open++;
    open_ages_add(&store->ages, row->order, row->created_us);
    store->counters_changed = true;
    timeout_expect(store, row);
    log_accepted(turn, row, request->traceparent);
    return rc;
}

/* The key first: its put tells, with one walk of the tree, if the order was
 * placed before.  What is refused leaves no key behind. */
enum rc
gateway_order_place(struct gateway_store *store, struct turn *turn,
                    struct request *request)
{
    const struct order_id next = { store->order_next };
    struct money price = { 0 };
    uint8_t value[KEY_ROW_BYTES];
    enum rc rc;

    invariant(request->quantity >= 1 && request->quantity <= QUANTITY_MAX);
    request->change_next = store->changes.next;
    request->outcome = order_price(store, request, &price);
    if (request->key[0] != '\0') {
        key_row_encode(next, value);
        rc = request->outcome == REQUEST_DONE
                 ? store_put_new(store->tables.keys, request->key,
                                 strlen(request->key), value, sizeof value)
                 : RC_EXISTS;
        if (rc == RC_EXISTS)
            rc = order_replay(store, request);
        if (rc == RC_OK && (request->replayed || request->field != NULL))
            return RC_OK;
        if (rc != RC_OK && rc != RC_NOT_FOUND)
            return rc;
    }
    if (request->outcome != REQUEST_DONE)
        return RC_OK;
    return order_place(store, turn, request, price);
}

/* ---- cancelling ------------------------------------------------------- */

static void
log_cancel(struct turn *turn, const struct event *cancel)
{
    struct order_log *log = turn_log(turn);

    if (!order_log_begin(log, ORDER_LOG_UNUSUAL, "order_cancel",
                         cancel->order, turn_now_us(turn)))
        return;
    order_log_number(log, "user", cancel->user.value);
    order_log_text(log, "reason", refusal_name(cancel->reason));
    order_log_trace(log, cancel->traceparent);
    order_log_end(log);
}

/* The order is not moved: its end is what payment and ledger make of it. */
static enum rc
order_cancel(struct gateway_store *store, struct turn *turn,
             struct order_row *row, enum refusal reason,
             const char *traceparent)
{
    struct event event;
    enum rc rc;

    row->cancel_us = turn_now_us(turn);
    rc = gateway_order_put(store, row);
    if (rc != RC_OK)
        return rc;
    event_init(&event, EVENT_ORDER_CANCEL);
    event.order = row->order;
    event.user = row->user;
    event_set_reason(&event, reason);
    if (traceparent[0] == '\0')
        rc = gateway_trace_get(store, row->order, event.traceparent);
    else
        memcpy(event.traceparent, traceparent, sizeof event.traceparent);
    if (rc != RC_OK)
        return rc;
    log_cancel(turn, &event);
    return gateway_emit(store, turn, &event);
}

enum rc
gateway_order_cancel(struct gateway_store *store, struct turn *turn,
                     struct request *request)
{
    struct order_row *row = &request->order;
    enum rc rc;

    rc = gateway_query_order(&store->tables, request->order_id, row);
    if (rc != RC_OK) {
        request->outcome = REQUEST_NO_ROW;
        return rc == RC_NOT_FOUND ? RC_OK : rc;
    }
    if (row->status == ORDER_FAILED || row->status == ORDER_CANCELLED)
        request->outcome = REQUEST_ENDED;
    else if (row->cancel_us != 0)
        request->outcome = REQUEST_DONE; /* it was asked for before */
    else
        request->outcome = gateway_pressure(store, request);
    if (request->outcome != REQUEST_DONE || row->cancel_us != 0)
        return RC_OK;
    return order_cancel(store, turn, row, REFUSAL_CANCELLED,
                        request->traceparent);
}

/* ---- time-outs -------------------------------------------------------- */

/*
 * The orders table is the queue: ids rise with the time of creation, so those
 * that are due come first.  timeout_from moves over what was due; it is kept
 * in memory only, and a start looks again from the oldest open order on: what
 * was cancelled before is passed over.
 */

bool
gateway_timeout_due(const struct gateway_store *store, int64_t now_us)
{
    return store->config->order_timeout != 0 &&
           now_us >= store->timeout_due_us;
}

/* Collects orders that are due and open, and moves timeout_from behind the
 * last one that was due. */
static enum rc
find_expired(struct gateway_store *store, int64_t now_us,
             struct store_cursor *cursor, struct order_row *expired,
             uint32_t *count_out)
{
    uint8_t key[ID_KEY_BYTES];
    struct store_row row;
    struct order_row order;
    uint32_t scanned;
    enum rc rc;

    if (store->timeout_from < store->counters.order_mark)
        store->timeout_from = store->counters.order_mark;
    id_key_encode(store->timeout_from, key);
    rc = store_cursor_seek(cursor, key, sizeof key, &row);
    for (scanned = 0; rc == RC_OK && scanned < TIMEOUT_SCAN_MAX; scanned++) {
        rc = order_row_read(row.key, row.key_bytes, row.value, row.bytes,
                            &order);
        if (rc != RC_OK) {
            log_error("row_damaged", "table=orders after=%" PRIu64,
                      store->timeout_from);
            return rc;
        }
        store->timeout_due_us = order.created_us + timeout_us(store);
        if (store->timeout_due_us > now_us)
            return RC_OK;
        store->timeout_from = order.order.value + 1;
        if (order.status == ORDER_CREATED && order.cancel_us == 0)
            expired[(*count_out)++] = order;
        rc = store_cursor_next(cursor, &row);
    }
    if (rc == RC_NOT_FOUND)
        store->timeout_due_us = INT64_MAX;
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

enum rc
gateway_timeout_take(struct gateway_store *store, struct turn *turn,
                     uint32_t *taken_out)
{
    struct order_row expired[TIMEOUT_SCAN_MAX];
    struct store_cursor *cursor;
    uint32_t i, count = 0;
    enum rc rc;

    if (!gateway_timeout_due(store, turn_now_us(turn)))
        return RC_OK;
    rc = store_cursor_open(store->tables.orders, &cursor);
    if (rc != RC_OK)
        return rc;
    rc = find_expired(store, turn_now_us(turn), cursor, expired, &count);
    store_cursor_close(&cursor);
    for (i = 0; i < count && rc == RC_OK; i++)
        rc = order_cancel(store, turn, &expired[i], REFUSAL_TIMEOUT, "");
    *taken_out += count;
    return rc;
}
