#include <inttypes.h>
#include <stdlib.h>

#include "gateway/gateway_state.h"
#include "saga/log.h"

static enum rc
order_put(struct gateway_store *store, const struct order_row *row)
{
    uint8_t key[ORDER_USER_KEY_BYTES], value[ORDER_ROW_BYTES];
    enum rc rc;

    order_user_key_encode(row->user, row->order.value, key);
    order_row_encode(row, value);
    rc = store_put_new(store->tables.orders, key + ID_KEY_BYTES, ID_KEY_BYTES,
                       value, sizeof value);
    invariant(rc != RC_EXISTS); /* order_next was behind the last order */
    if (rc == RC_OK)
        rc = store_put(store->tables.orders_by_user, key, sizeof key, "", 0);
    return rc;
}

static enum rc
order_emit(struct gateway_store *store, struct turn *turn,
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
    store->backlog++;
    return turn_emit(turn, &event);
}

/* The refusals of POST /orders, in the order of their rank. */
static enum request_outcome
order_price(const struct gateway_store *store, const struct request *request,
            struct money *total_out)
{
    const struct product_row *product =
        gateway_catalogue_find(&store->catalogue, request->product);

    if (product == NULL)
        return REQUEST_NO_PRODUCT;
    if (!money_mul(product->price, request->quantity, total_out))
        return REQUEST_TOO_LARGE;
    if (store->backlog >= store->config->backlog)
        return REQUEST_BACKLOG;
    return REQUEST_DONE;
}

static enum rc
on_order_place(struct gateway_store *store, struct turn *turn,
               struct request *request)
{
    struct order_row *row = &request->order;
    enum rc rc;

    invariant(request->quantity >= 1 && request->quantity <= QUANTITY_MAX);
    *row = (struct order_row){ 0 };
    request->outcome = order_price(store, request, &row->price);
    if (request->outcome != REQUEST_DONE)
        return RC_OK;
    invariant(id_valid(store->order_next));
    row->order.value = store->order_next;
    row->user = request->user;
    row->product = request->product;
    row->quantity = request->quantity;
    row->status = ORDER_CREATED;
    row->created_us = row->updated_us = turn_now_us(turn);
    rc = order_put(store, row);
    if (rc == RC_OK)
        rc = order_emit(store, turn, request, row);
    store->order_next += store->config->order_id_stride;
    store->counters.orders[ORDER_CREATED]++;
    store->counters.open++;
    store->counters_changed = true;
    return rc;
}

/* A row that is not there is an outcome of the request. */
static enum rc
request_found(struct request *request, enum rc rc)
{
    request->outcome = rc == RC_OK ? REQUEST_DONE : REQUEST_NO_ROW;
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static enum rc
on_order_get(struct gateway_store *store, struct turn *turn,
             struct request *request)
{
    (void)turn;
    return request_found(request, gateway_query_order(&store->tables,
                                                      request->order_id,
                                                      &request->order));
}

static enum rc
on_order_list(struct gateway_store *store, struct turn *turn,
              struct request *request)
{
    (void)turn;
    return gateway_query_orders(&store->tables, request);
}

static enum rc
on_product_list(struct gateway_store *store, struct turn *turn,
                struct request *request)
{
    (void)turn;
    gateway_query_products(&store->catalogue, request);
    return RC_OK;
}

static enum rc
on_user_open(struct gateway_store *store, struct turn *turn,
             struct request *request)
{
    struct user_row row;
    enum rc rc;

    rc = gateway_user_get(store, request->user, &row);
    if (rc != RC_OK)
        return rc;
    if (row.state != USER_ABSENT)
        request->outcome = REQUEST_CONFLICT;
    else if (store->backlog >= store->config->backlog)
        request->outcome = REQUEST_BACKLOG;
    else
        request->outcome = REQUEST_DONE;
    if (request->outcome != REQUEST_DONE)
        return RC_OK;
    store->backlog++;
    return gateway_user_open(store, turn, request->user, request->amount,
                             request->traceparent, &request->user_row);
}

static enum rc
on_user_get(struct gateway_store *store, struct turn *turn,
            struct request *request)
{
    enum rc rc;

    (void)turn;
    rc = gateway_user_get(store, request->user, &request->user_row);
    if (rc == RC_OK && request->user_row.state == USER_ABSENT)
        rc = RC_NOT_FOUND;
    return request_found(request, rc);
}

/* The list reads the table, so what was held back is written first. */
static enum rc
on_user_list(struct gateway_store *store, struct turn *turn,
             struct request *request)
{
    enum rc rc;

    (void)turn;
    rc = row_cache_write(store->users);
    if (rc == RC_OK)
        rc = gateway_query_users(&store->tables, request);
    return rc;
}

static enum rc
on_transaction_get(struct gateway_store *store, struct turn *turn,
                   struct request *request)
{
    (void)turn;
    return request_found(
        request,
        gateway_query_transaction(&store->tables, request->transaction_id,
                                  &request->transaction));
}

static enum rc
on_transaction_list(struct gateway_store *store, struct turn *turn,
                    struct request *request)
{
    (void)turn;
    return gateway_query_transactions(&store->tables, request);
}

static enum rc
on_metrics(struct gateway_store *store, struct turn *turn,
           struct request *request)
{
    struct gateway_metrics *metrics = calloc(1, sizeof *metrics);

    (void)turn;
    request->metrics = metrics;
    request->outcome = metrics == NULL ? REQUEST_FAILED : REQUEST_DONE;
    if (metrics == NULL)
        return RC_OK;
    memcpy(metrics->orders, store->counters.orders, sizeof metrics->orders);
    memcpy(metrics->refusals, store->counters.refusals,
           sizeof metrics->refusals);
    metrics->users = store->counters.users;
    metrics->transactions = store->counters.transactions;
    if (store->participant != NULL) {
        participant_stats(store->participant, &metrics->participant);
        store_stats(participant_store(store->participant), &metrics->store);
    }
    return RC_OK;
}

typedef enum rc (*command_fn)(struct gateway_store *store, struct turn *turn,
                              struct request *request);

static const command_fn commands[REQUEST_KIND_COUNT] = {
    [REQUEST_ORDER_PLACE] = on_order_place,
    [REQUEST_ORDER_GET] = on_order_get,
    [REQUEST_ORDER_LIST] = on_order_list,
    [REQUEST_PRODUCT_LIST] = on_product_list,
    [REQUEST_USER_OPEN] = on_user_open,
    [REQUEST_USER_GET] = on_user_get,
    [REQUEST_USER_LIST] = on_user_list,
    [REQUEST_TRANSACTION_GET] = on_transaction_get,
    [REQUEST_TRANSACTION_LIST] = on_transaction_list,
    [REQUEST_METRICS] = on_metrics,
};

enum rc
gateway_commands_serve(struct gateway_store *store, struct turn *turn,
                       struct request *request)
{
    invariant(request->kind < REQUEST_KIND_COUNT &&
              commands[request->kind] != NULL);
    return commands[request->kind](store, turn, request);
}
